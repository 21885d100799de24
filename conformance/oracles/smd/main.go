// Records what Kubernetes' own field manager answers to random histories of updates and applies,
// one step a line: the golden table that crates/engine/schema/tests/managed.rs replays.
//
//	go run . DIR [HISTORIES] [SEED] > ../../../crates/engine/schema/tests/data/managed.jsonl
//
// DIR is api/openapi-spec/v3 of module k8s.io/kubernetes.
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

var bases = map[string]string{
	"apps/v1 Deployment": `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"d","finalizers":["b","a"],"labels":{"a":"1","b":"2"},"annotations":{"x":"y"},"ownerReferences":[{"apiVersion":"v1","kind":"K","uid":"u1","name":"o"}]},
 "spec":{"replicas":2,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},"selector":{"matchLabels":{"a":"1"}},"template":{"metadata":{"labels":{"a":"1"}},"spec":{
 "containers":[{"name":"web","image":"nginx:1","args":["a","b"],"env":[{"name":"B","value":"2"},{"name":"A","value":"1"},{"name":"C","valueFrom":{"configMapKeyRef":{"name":"cm","key":"k"}}}],"ports":[{"containerPort":53,"protocol":"UDP"},{"containerPort":53,"protocol":"TCP"},{"containerPort":80}],"volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/b"}],"resources":{"limits":{"cpu":"1"}}},{"name":"side","image":"x"}],
 "volumes":[{"name":"v","emptyDir":{}},{"name":"c","configMap":{"name":"x"}}],"tolerations":[{"key":"a"}],"nodeSelector":{"os":"linux"},"securityContext":{}}}},"status":{"replicas":1}}`,
	"v1 Service":        `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"d","labels":{"l":"1"}},"spec":{"type":"ClusterIP","selector":{"a":"b"},"ports":[{"port":80,"targetPort":8080,"name":"http","protocol":"TCP"},{"port":443,"name":"https","targetPort":"tls"},{"port":53,"name":"dns","protocol":"UDP"}],"externalIPs":["1.2.3.4"]}}`,
	"v1 ConfigMap":      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"d","annotations":{"a":"b"}},"data":{"k":"v","l":"w"},"immutable":true}`,
	"v1 ServiceAccount": `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"sa","namespace":"d"},"secrets":[{"name":"a"},{"name":"b"}],"imagePullSecrets":[{"name":"r"}],"automountServiceAccountToken":true}`,
}

var names = []string{"a", "b", "web", "side", "v", "c", "extra", "http"}

type generator struct{ *rand.Rand }

func (g generator) mutate(value any, path string, drop int) any {
	switch typed := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range typed {
			at := path + "." + key
			keep := key == "apiVersion" || key == "kind" || key == "name" || key == "namespace" || key == "metadata" ||
				key == "containerPort" || key == "port" || key == "mountPath" || key == "uid" || strings.HasSuffix(path, "ownerReferences")
			if !keep && g.Intn(drop) == 0 {
				continue
			}
			out[key] = g.mutate(inner, at, drop)
		}
		if strings.HasSuffix(path, "labels") || strings.HasSuffix(path, "annotations") || strings.HasSuffix(path, ".data") {
			if g.Intn(4) == 0 {
				out[names[g.Intn(len(names))]] = names[g.Intn(len(names))]
			}
		}
		return out
	case []any:
		out := []any{}
		for _, inner := range typed {
			if g.Intn(drop) == 0 {
				continue
			}
			out = append(out, g.mutate(inner, path, drop))
		}
		if len(typed) > 0 && g.Intn(8) == 0 {
			extra := g.mutate(typed[g.Intn(len(typed))], path, drop)
			if item, ok := extra.(map[string]any); ok {
				if _, has := item["name"]; has {
					item["name"] = names[g.Intn(len(names))]
				}
				if _, has := item["containerPort"]; has {
					item["containerPort"] = int64(g.Intn(3)*40 + 13)
				}
			}
			out = append(out, extra)
		}
		if g.Intn(4) == 0 {
			g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		}
		return out
	case string:
		leaf := strings.HasSuffix(path, "image") || strings.HasSuffix(path, "value") || strings.Contains(path, "labels") || strings.Contains(path, ".data")
		if leaf && g.Intn(4) == 0 {
			return typed + "x"
		}
	case float64:
		if strings.HasSuffix(path, "replicas") && g.Intn(2) == 0 {
			return float64(g.Intn(4))
		}
	}
	return value
}

type noDefaults struct{}

func (noDefaults) Default(runtime.Object) {}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	histories, seed := 40, int64(1)
	if len(os.Args) > 2 {
		histories = must(strconv.Atoi(os.Args[2]))
	}
	if len(os.Args) > 3 {
		seed = must(strconv.ParseInt(os.Args[3], 10, 64))
	}
	models := map[string]*spec.Schema{}
	for _, file := range must(filepath.Glob(filepath.Join(os.Args[1], "*.json"))) {
		var document struct {
			Components struct{ Schemas map[string]*spec.Schema }
		}
		if err := json.Unmarshal(must(os.ReadFile(file)), &document); err != nil {
			panic(err)
		}
		for name, model := range document.Components.Schemas {
			models[name] = model
		}
	}
	converter := must(managedfields.NewTypeConverter(models, false))
	scheme := runtime.NewScheme()
	if err := appsv1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	g := generator{rand.New(rand.NewSource(seed))}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	kinds := []string{"apps/v1 Deployment", "v1 Service", "v1 ConfigMap", "v1 ServiceAccount"}
	managers := []string{"kubectl", "one", "two", "three"}
	for range histories {
		kind := kinds[g.Intn(len(kinds))]
		version, name, _ := strings.Cut(kind, " ")
		gvk := must(schema.ParseGroupVersion(version)).WithKind(name)
		reset := map[fieldpath.APIVersion]fieldpath.Filter{}
		if name == "Deployment" || name == "Service" {
			reset[fieldpath.APIVersion(version)] = fieldpath.NewExcludeSetFilter(fieldpath.NewSet(fieldpath.MakePathOrDie("status")))
		}
		fields := must(managedfields.NewDefaultFieldManager(converter, scheme, noDefaults{}, scheme, gvk, gvk.GroupVersion(), "", reset))
		var base any
		if err := json.Unmarshal([]byte(bases[kind]), &base); err != nil {
			panic(err)
		}
		typed := func(value any) runtime.Object {
			object := must(scheme.New(gvk))
			if err := json.Unmarshal(must(json.Marshal(value)), object); err != nil {
				panic(err)
			}
			object.GetObjectKind().SetGroupVersionKind(gvk)
			return object
		}
		live := must(scheme.New(gvk))
		live.GetObjectKind().SetGroupVersionKind(gvk)
		exists := false
		for range 6 {
			manager := managers[g.Intn(len(managers))]
			line := map[string]any{"kind": kind, "manager": manager}
			if exists {
				line["live"] = live
			}
			var result runtime.Object
			var err error
			if g.Intn(2) == 0 {
				fresh := typed(g.mutate(base, "", 12))
				if exists && g.Intn(8) == 0 {
					// Objects from before managedFields have none.
					accessor := must(meta.Accessor(live))
					accessor.SetManagedFields(nil)
					accessor.SetUID("uid")
					line["live"] = live
				}
				if exists {
					must(meta.Accessor(fresh)).SetUID(must(meta.Accessor(live)).GetUID())
				}
				line["op"] = "update"
				line["object"] = fresh.DeepCopyObject()
				result, err = fields.Update(live, fresh, manager)
			} else {
				config := &unstructured.Unstructured{Object: g.mutate(base, "", 3).(map[string]any)}
				if g.Intn(5) == 0 {
					text, _ := json.Marshal(config.Object)
					config.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(text)})
				}
				force := g.Intn(2) == 0
				line["op"], line["force"] = "apply", force
				line["object"] = config.DeepCopy()
				result, err = fields.Apply(live, config, manager, force)
			}
			if err != nil {
				line["error"] = err.Error()
			} else {
				result = must(scheme.ConvertToVersion(result, gvk.GroupVersion()))
				line["result"] = result
				live = typed(result)
				exists = true
			}
			out.Write(must(json.Marshal(line)))
			out.WriteByte('\n')
		}
	}
}
