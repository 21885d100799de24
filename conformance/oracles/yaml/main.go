// Oracle for crates/base/yaml: answers, line by line, what sigs.k8s.io/yaml makes of an input.
//
// In:  {"op":"read"|"strict"|"write"|"json"|"rewrite","text":"..."}
// Out: {"out":"..."} or {"error":"..."}
// "read" and "strict" turn YAML into JSON; "write" turns a JSON text into YAML; "json" re-writes
// a JSON text as encoding/json does; "rewrite" reads the first document of a text into nodes and
// writes it again as kyaml does.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	node "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

type question struct {
	Op   string `json:"op"`
	Text string `json:"text"`
}

type answer struct {
	Out   *string `json:"out,omitempty"`
	Error *string `json:"error,omitempty"`
}

func ask(q question) ([]byte, error) {
	switch q.Op {
	case "read":
		return yaml.YAMLToJSON([]byte(q.Text))
	case "strict":
		return yaml.YAMLToJSONStrict([]byte(q.Text))
	case "rewrite":
		return rewrite(q.Text)
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(q.Text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if q.Op == "json" {
		return json.Marshal(value)
	}
	return yaml.Marshal(typed(value))
}

func rewrite(text string) (out []byte, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	var document node.Node
	err = node.NewDecoder(bytes.NewReader([]byte(text))).Decode(&document)
	if err == io.EOF {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	encoder := node.NewEncoder(&buffer)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return buffer.Bytes(), encoder.Close()
}

// typed turns numbers into int64 where they are integers and into float64 elsewhere, which is
// what Kubernetes' decoders hold.
func typed(value any) any {
	switch v := value.(type) {
	case json.Number:
		if integer, err := v.Int64(); err == nil {
			return integer
		}
		float, err := v.Float64()
		if err != nil {
			panic(err)
		}
		return float
	case []any:
		for i := range v {
			v[i] = typed(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = typed(v[k])
		}
	}
	return value
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for in.Scan() {
		var q question
		var a answer
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		if text, err := ask(q); err != nil {
			message := err.Error()
			a.Error = &message
		} else {
			message := string(text)
			a.Out = &message
		}
		if err := encoder.Encode(a); err != nil {
			panic(err)
		}
	}
}
