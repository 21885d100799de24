// Prints what helm's strvals makes of random lines of `--set` and its kin.
//
//	strvals -fuzz N -seed S    N random cases with their results, a JSON object a line
//
// Lines of one case follow each other into the same table. Integers come as {"$int":"1"} and
// floats as {"$float":"1"}, so that they can be told apart.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/strvals"
)

type row struct {
	Kind  string   `json:"kind"`
	Lines []string `json:"lines"`
	Out   any      `json:"out"`
	Error *string  `json:"error"`
}

func marked(value any) any {
	switch value := value.(type) {
	case int64:
		return map[string]any{"$int": strconv.FormatInt(value, 10)}
	case float64:
		return map[string]any{"$float": strconv.FormatFloat(value, 'g', -1, 64)}
	case []any:
		out := make([]any, len(value))
		for i := range value {
			out[i] = marked(value[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key := range value {
			out[key] = marked(value[key])
		}
		return out
	}
	return value
}

func parse(kind, line string, into map[string]any) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	switch kind {
	case "set":
		return strvals.ParseInto(line, into)
	case "string":
		return strvals.ParseIntoString(line, into)
	case "json":
		return strvals.ParseJSON(line, into)
	case "literal":
		return strvals.ParseLiteralInto(line, into)
	}
	return strvals.ParseIntoFile(line, into, func(path []rune) (any, error) {
		if strings.Contains(string(path), "no") {
			return nil, fmt.Errorf("open %s: no such file", string(path))
		}
		return "<" + string(path) + ">", nil
	})
}

func main() {
	fuzz := flag.Int("fuzz", 100, "how many cases")
	seed := flag.Int64("seed", 1, "which cases")
	flag.Parse()
	random := rand.New(rand.NewSource(*seed))
	pick := func(options ...string) string { return options[random.Intn(len(options))] }
	name := func() string { return pick("a", "b", "a", "c d", "é", "", "a\\.b", "x\\", "true", "1", "a-b", "\\=") }
	value := func(kind string) string {
		if kind == "json" && random.Intn(4) > 0 {
			return pick("1", "1.5", "\"q,r\"", "null", "true", "{\"x\":[1,{\"y\":2}]}", "[1,2]", " 3 ", "\"a\"", "[]", "{}", "", "{", "nul", "\"", "[1", "{\"k\":\"v\"} ", "-2", "1e3", "01")
		}
		return pick("1", "0", "-5", "007", "0x1F", "1.5", "1e3", "true", "FALSE", "null", "Null", "x", "", "x=y", "a\\,b", "{1,2}", "{}", "{a,b", "{a}x", "{a},", "{{x}}", "é", " s ", "9223372036854775807", "9223372036854775808", "\"q\"", "x.y", "[0]", "\\", "\\n", "no", "+1", "1_0", "{a,,b}", "{null,true,1}", "{ a , b }")
	}
	path := func() string {
		text := name()
		for random.Intn(3) > 0 {
			if random.Intn(2) == 0 {
				text += "." + name()
			} else {
				text += "[" + pick("0", "1", "2", "0", "-1", "x", "", "70000", " 1", "1 ", "+1", "01", "9999999999999999999") + pick("]", "]", "]", "]", "", "]]")
			}
		}
		return text
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	for range *fuzz {
		kind := pick("set", "set", "set", "string", "json", "literal", "file")
		test := row{Kind: kind}
		into := map[string]any{}
		for range 1 + random.Intn(3) {
			line := ""
			for range 1 + random.Intn(3) {
				if line != "" {
					line += pick(",", ",", ",", ",,", " ")
				}
				line += path() + pick("=", "=", "=", "=", "", "==") + value(kind)
			}
			test.Lines = append(test.Lines, line)
			if err := parse(kind, line, into); err != nil {
				text := err.Error()
				test.Error = &text
				break
			}
		}
		if test.Error == nil {
			test.Out = marked(into)
		}
		if err := encoder.Encode(test); err != nil {
			panic(err)
		}
	}
}
