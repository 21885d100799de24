// Prints random JSON patches with what Go's json-patch makes of them, one JSON document a line,
// for crates/engine/schema/tests/json_patches.rs.
//
//	go run . -fuzz CASES -seed SEED
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

type record struct {
	Doc    json.RawMessage `json:"doc"`
	Patch  json.RawMessage `json:"patch"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

type generator struct{ *rand.Rand }

var keys = []string{"a", "b", "c", "a/b", "m~n", "", "0", "-", "1", "$patch"}

func (g generator) pick(texts []string) string { return texts[g.Intn(len(texts))] }

func (g generator) value(depth int) any {
	switch n := g.Intn(10); {
	case n < 2 && depth > 0:
		out := map[string]any{}
		for range g.Intn(4) {
			out[g.pick(keys)] = g.value(depth - 1)
		}
		return out
	case n < 4 && depth > 0:
		out := []any{}
		for range g.Intn(4) {
			out = append(out, g.value(depth-1))
		}
		return out
	case n < 5:
		return nil
	case n < 7:
		return g.Intn(5)
	case n < 8:
		return g.Intn(2) == 0
	default:
		return g.pick([]string{"", "x", "y", "<&>", "é"})
	}
}

// paths lists the pointers into a document.
func paths(value any, at string, found *[]string) {
	*found = append(*found, at)
	switch typed := value.(type) {
	case map[string]any:
		for key, inner := range typed {
			paths(inner, at+"/"+escape(key), found)
		}
	case []any:
		for i, inner := range typed {
			paths(inner, fmt.Sprintf("%s/%d", at, i), found)
		}
	}
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func (g generator) path(known []string) any {
	path := known[g.Intn(len(known))]
	switch g.Intn(12) {
	case 0:
		return path + "/" + escape(g.pick(keys))
	case 1:
		return path + "/-"
	case 2:
		return fmt.Sprintf("%s/%d", path, g.Intn(6)-3)
	case 3:
		return path + "/" + g.pick([]string{"01", "1e0", " 1", "+1", "99999999999999999999", "x/y"})
	case 4:
		if g.Intn(6) == 0 {
			return g.pick([]string{"", "a", "/", "//", "a/b"})
		}
	case 5:
		if g.Intn(10) == 0 {
			return g.value(1)
		}
	}
	return path
}

func (g generator) operation(known []string) any {
	op := map[string]any{"op": g.pick([]string{"add", "add", "remove", "replace", "replace", "move", "copy", "test"})}
	op["path"] = g.path(known)
	switch op["op"] {
	case "move", "copy":
		op["from"] = g.path(known)
	case "remove":
	default:
		op["value"] = g.value(2)
	}
	switch g.Intn(60) {
	case 0:
		delete(op, g.pick([]string{"op", "path", "from", "value"}))
	case 1:
		op["op"] = g.pick([]string{"ADD", "", "merge"})
	case 2:
		op["value"] = nil
	case 3:
		op["extra"] = true
	}
	return op
}

func encode(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func main() {
	cases := flag.Int("fuzz", 1000, "how many")
	seed := flag.Int64("seed", 1, "where to begin")
	flag.Parse()
	g := generator{rand.New(rand.NewSource(*seed))}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for range *cases {
		var doc any = map[string]any{"a": g.value(3), "b": g.value(3), "c": []any{g.value(1), g.value(2)}}
		if g.Intn(30) == 0 {
			doc = g.value(3)
		}
		known := []string{}
		paths(doc, "", &known)
		operations := []any{}
		for range 1 + g.Intn(3) {
			operations = append(operations, g.operation(known))
		}
		r := record{Doc: encode(doc), Patch: encode(operations)}
		result, err := apply(r.Doc, r.Patch)
		if errors.Is(err, errPanic) {
			continue // a null where Go's own test of it falls over
		}
		if err != nil {
			r.Error = err.Error()
		} else {
			r.Result = result
		}
		out.Write(encode(r))
		out.WriteByte('\n')
	}
}

var errPanic = errors.New("panic")

func apply(doc, patch []byte) (result []byte, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = errPanic
		}
	}()
	decoded, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	return decoded.Apply(doc)
}
