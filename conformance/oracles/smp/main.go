// Records what Kubernetes' own patch functions answer, as one JSON document a line: the golden
// table that crates/engine/schema/tests/patches.rs replays.
//
//	go run . [CASES] [SEED] > ../../../crates/engine/schema/tests/data/patches.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"strconv"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

var structs = map[string]any{
	"apps/v1 Deployment":           &appsv1.Deployment{},
	"v1 Service":                   &corev1.Service{},
	"v1 Pod":                       &corev1.Pod{},
	"v1 ServiceAccount":            &corev1.ServiceAccount{},
	"networking.k8s.io/v1 Ingress": &netv1.Ingress{},
}

var bases = map[string]string{
	"apps/v1 Deployment": `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","finalizers":["b","a"],"labels":{"a":"1","b":"2"},"ownerReferences":[{"uid":"u1","name":"o"}]},
 "spec":{"replicas":2,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},"selector":{"matchLabels":{"a":"1"}},"template":{"metadata":{"labels":{"a":"1"}},"spec":{
 "containers":[{"name":"web","image":"nginx:1","args":["a","b"],"env":[{"name":"B","value":"2"},{"name":"A","value":"1"},{"name":"C","valueFrom":{"configMapKeyRef":{"name":"cm","key":"k"}}}],"ports":[{"containerPort":53,"protocol":"UDP"},{"containerPort":53,"protocol":"TCP"},{"containerPort":80}],"volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/b"}],"resources":{"limits":{"cpu":"1"}}},{"name":"side","image":"x"}],
 "volumes":[{"name":"v","emptyDir":{}},{"name":"c","configMap":{"name":"x"}}],"tolerations":[{"key":"a"}],"imagePullSecrets":[{"name":"s1"},{"name":"s2"}],"nodeSelector":{"os":"linux"}}}}}`,
	"v1 Service":        `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"type":"ClusterIP","selector":{"a":"b"},"ports":[{"port":80,"targetPort":8080,"name":"http","protocol":"TCP"},{"port":443,"name":"https","targetPort":"tls"},{"port":53,"name":"dns","protocol":"UDP"}],"externalIPs":["1.2.3.4"],"loadBalancerSourceRanges":["10.0.0.0/8"]}}`,
	"v1 Pod":            `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","finalizers":["z","y","x"]},"spec":{"hostAliases":[{"ip":"1.1.1.1","hostnames":["a"]},{"ip":"2.2.2.2","hostnames":["b"]}],"containers":[{"name":"c","image":"i"}],"topologySpreadConstraints":[{"topologyKey":"zone","maxSkew":1,"whenUnsatisfiable":"DoNotSchedule"}],"volumes":[{"name":"v","secret":{"secretName":"s","items":[{"key":"a","path":"b"}]}}]},"status":{"podIPs":[{"ip":"10.0.0.1"}],"conditions":[{"type":"Ready","status":"True"}]}}`,
	"v1 ServiceAccount": `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"sa","annotations":{"k":"v"}},"secrets":[{"name":"a"},{"name":"b"}],"imagePullSecrets":[{"name":"r"}],"automountServiceAccountToken":true}`,
	"networking.k8s.io/v1 Ingress": `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"i"},"spec":{"ingressClassName":"n","rules":[{"host":"a","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}],"tls":[{"hosts":["a","b"],"secretName":"t"}]}}`,
}

var names = []string{"a", "b", "web", "side", "v", "c", "extra", "http"}

type generator struct{ *rand.Rand }

// mutate changes a document in a few places, as people, controllers and merges do.
func (g generator) mutate(value any, depth int) any {
	switch typed := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range typed {
			switch {
			case key == "apiVersion" || key == "kind":
				out[key] = inner
			case depth > 1 && g.Intn(14) == 0:
			case g.Intn(60) == 0:
				out[key] = nil
			default:
				out[key] = g.mutate(inner, depth+1)
			}
		}
		if depth > 1 && len(typed) > 0 && g.Intn(25) == 0 {
			if _, isText := any(first(typed)).(string); isText {
				out[names[g.Intn(len(names))]] = "new"
			}
		}
		return out
	case []any:
		out := []any{}
		for _, inner := range typed {
			if g.Intn(9) == 0 {
				continue
			}
			out = append(out, g.mutate(inner, depth+1))
		}
		if len(typed) > 0 && g.Intn(6) == 0 {
			extra := g.mutate(typed[g.Intn(len(typed))], depth+1)
			if item, ok := extra.(map[string]any); ok {
				for _, key := range []string{"name", "ip", "mountPath", "type"} {
					if _, has := item[key]; has {
						item[key] = names[g.Intn(len(names))]
					}
				}
				for _, key := range []string{"port", "containerPort"} {
					if _, has := item[key]; has {
						item[key] = int64(g.Intn(3)*40 + 13)
					}
				}
			}
			out = append(out, extra)
		}
		if g.Intn(4) == 0 {
			g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		}
		return out
	case string:
		if g.Intn(10) == 0 {
			return typed + "x"
		}
	case float64:
		if g.Intn(8) == 0 {
			return typed + 1
		}
	}
	return value
}

func first(m map[string]any) any {
	for _, v := range m {
		return v
	}
	return nil
}

func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

type record struct {
	Op     string          `json:"op"`
	Kind   string          `json:"kind,omitempty"`
	A      json.RawMessage `json:"a"`
	B      json.RawMessage `json:"b"`
	C      json.RawMessage `json:"c,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func main() {
	cases, seed := 200, int64(1)
	if len(os.Args) > 1 {
		cases, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		seed, _ = strconv.ParseInt(os.Args[2], 10, 64)
	}
	g := generator{rand.New(rand.NewSource(seed))}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	emit := func(r record, result []byte, err error) {
		if err != nil {
			r.Error = err.Error()
		} else {
			r.Result = result
		}
		out.Write(encode(r))
		out.WriteByte('\n')
	}
	kinds := []string{"apps/v1 Deployment", "v1 Service", "v1 Pod", "v1 ServiceAccount", "networking.k8s.io/v1 Ingress"}
	for range cases {
		kind := kinds[g.Intn(len(kinds))]
		var base any
		if err := json.Unmarshal([]byte(bases[kind]), &base); err != nil {
			panic(err)
		}
		last := encode(g.mutate(base, 0))
		desired := encode(g.mutate(base, 0))
		live := encode(g.mutate(base, 0))
		if g.Intn(4) == 0 {
			live = desired
		}
		meta, err := strategicpatch.NewPatchMetaFromStruct(structs[kind])
		if err != nil {
			panic(err)
		}
		patch, err := strategicpatch.CreateThreeWayMergePatch(last, desired, live, meta, true)
		emit(record{Op: "three_way", Kind: kind, A: last, B: desired, C: live}, patch, err)
		if err == nil {
			patched, err := strategicpatch.StrategicMergePatch(live, patch, structs[kind])
			emit(record{Op: "strategic", Kind: kind, A: live, B: patch}, patched, err)
		}
		two, err := strategicpatch.CreateTwoWayMergePatch(last, desired, structs[kind])
		emit(record{Op: "two_way", Kind: kind, A: last, B: desired}, two, err)
		if g.Intn(3) == 0 {
			// A document used as a patch: what people write by hand.
			patched, err := strategicpatch.StrategicMergePatch(live, desired, structs[kind])
			emit(record{Op: "strategic", Kind: kind, A: live, B: desired}, patched, err)
		}
		merge, err := jsonmergepatch.CreateThreeWayJSONMergePatch(last, desired, live)
		emit(record{Op: "merge_three_way", A: last, B: desired, C: live}, merge, err)
		if err == nil {
			merged, err := jsonpatch.MergePatch(live, merge)
			emit(record{Op: "merge", A: live, B: merge}, merged, err)
		}
	}
}
