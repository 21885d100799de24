// Records objects of many kinds, filled at random, as protobuf and as JSON, one a line: the golden
// table that crates/engine/schema/tests/protobuf.rs replays.
//
//	go run . [ROUNDS] [SEED] > ../../../crates/engine/schema/tests/data/protobuf.jsonl
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/util/intstr"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
)

type generator struct{ *rand.Rand }

// fill sets about half of all fields, so that presence and absence are both seen.
func (g generator) fill(v reflect.Value, depth int) {
	switch value := v.Addr().Interface().(type) {
	case *metav1.Time:
		*value = metav1.Time{Time: time.Unix(int64(g.Intn(2e9)+1), 0).UTC()}
		return
	case *metav1.MicroTime:
		*value = metav1.MicroTime{Time: time.Unix(int64(g.Intn(2e9)+1), int64(g.Intn(1e6))*1000).UTC()}
		return
	case *metav1.Duration:
		*value = metav1.Duration{Duration: time.Duration(g.Int63n(1e14))}
		return
	case *resource.Quantity:
		*value = resource.MustParse([]string{"1", "500m", "2Gi", "1e3", "0.1"}[g.Intn(5)])
		return
	case *intstr.IntOrString:
		if g.Intn(2) == 0 {
			*value = intstr.FromInt32(int32(g.Intn(1000)))
		} else {
			*value = intstr.FromString("25%")
		}
		return
	case *runtime.RawExtension:
		value.Raw = []byte(`{"a":[1,"b"]}`)
		return
	case *metav1.FieldsV1:
		value.Raw = []byte(`{"f:metadata":{}}`)
		return
	case *metav1.TypeMeta:
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			if !field.CanSet() {
				continue
			}
			chance := 2
			if depth > 5 {
				chance = 6
			}
			if v.Type().Field(i).Anonymous || g.Intn(chance) == 0 {
				g.fill(field, depth+1)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		g.fill(v.Elem(), depth+1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes-" + strconv.Itoa(g.Intn(100))))
			return
		}
		n := 1 + g.Intn(2)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 1 + g.Intn(2) {
			key := reflect.New(v.Type().Key()).Elem()
			key.SetString("k" + strconv.Itoa(g.Intn(50)))
			item := reflect.New(v.Type().Elem()).Elem()
			g.fill(item, depth+1)
			v.SetMapIndex(key, item)
		}
	case reflect.String:
		v.SetString([]string{"a", "name", "Ünïcode", "x/y"}[g.Intn(4)])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(g.Intn(5000) - 100))
	case reflect.Float64:
		v.SetFloat(float64(g.Intn(100)) + 0.5)
	case reflect.Interface:
	default:
		panic(fmt.Sprint(v.Type()))
	}
}

func main() {
	rounds, seed := 1, int64(1)
	if len(os.Args) > 1 {
		rounds, _ = strconv.Atoi(os.Args[1])
	}
	if len(os.Args) > 2 {
		seed, _ = strconv.ParseInt(os.Args[2], 10, 64)
	}
	g := generator{rand.New(rand.NewSource(seed))}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, admissionregistrationv1.AddToScheme, appsv1.AddToScheme,
		authenticationv1.AddToScheme, authorizationv1.AddToScheme, autoscalingv1.AddToScheme,
		autoscalingv2.AddToScheme, batchv1.AddToScheme, coordinationv1.AddToScheme,
		discoveryv1.AddToScheme, eventsv1.AddToScheme, networkingv1.AddToScheme,
		policyv1.AddToScheme, rbacv1.AddToScheme, storagev1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	var kinds []schema.GroupVersionKind
	for gvk := range scheme.AllKnownTypes() {
		skip := strings.HasSuffix(gvk.Kind, "List") || strings.HasSuffix(gvk.Kind, "Options") ||
			gvk.Version == runtime.APIVersionInternal || gvk.Group == "" && gvk.Kind == "Status" ||
			gvk.Kind == "WatchEvent" || strings.HasPrefix(gvk.Kind, "API") || gvk.Kind == "RangeAllocation" || gvk.Kind == "PodStatusResult" ||
			gvk.Kind == "SerializedReference"
		if !skip {
			kinds = append(kinds, gvk)
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return kinds[i].String() < kinds[j].String() })
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	codec := protobuf.NewSerializer(scheme, scheme)
	for range rounds {
		for _, gvk := range kinds {
			object, err := scheme.New(gvk)
			if err != nil {
				panic(err)
			}
			g.fill(reflect.ValueOf(object).Elem(), 0)
			object.GetObjectKind().SetGroupVersionKind(gvk)
			var wire bytes.Buffer
			if err := codec.Encode(object, &wire); err != nil {
				panic(err)
			}
			text, err := json.Marshal(object)
			if err != nil {
				panic(err)
			}
			line, _ := json.Marshal(map[string]any{
				"apiVersion": gvk.GroupVersion().String(), "kind": gvk.Kind,
				"protobuf": base64.StdEncoding.EncodeToString(wire.Bytes()), "json": json.RawMessage(text),
			})
			out.Write(line)
			out.WriteByte('\n')
		}
	}
}
