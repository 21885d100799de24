// Prints what Go's text/template and fmt do, as the yardstick for crates/languages/gotmpl.
//
//	gotmpl -generate          the built-in cases with their results, a JSON object a line
//	gotmpl -fuzz N -seed S    N random cases with their results
//	gotmpl < cases            cases from standard input, answered in the same form
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/template"
)

// Case is a template with its data, or (where Format is set) a call of fmt.Sprintf.
type Case struct {
	Template   string            `json:"template,omitempty"`
	More       map[string]string `json:"more,omitempty"`
	Data       any               `json:"data,omitempty"`
	Sample     bool              `json:"sample,omitempty"` // the data of the first built-in case
	Ints       bool              `json:"ints,omitempty"`
	MissingKey string            `json:"missingkey,omitempty"`
	Left       string            `json:"left,omitempty"`
	Right      string            `json:"right,omitempty"`
	Format     *string           `json:"format,omitempty"`
	Args       []string          `json:"args,omitempty"`
	Output     *string           `json:"output,omitempty"`
	Error      *string           `json:"error,omitempty"`
}

// functions are the ones that the Rust test defines too.
func functions(set **template.Template) template.FuncMap {
	return template.FuncMap{
		"list":  func(items ...any) []any { return items },
		"upper": strings.ToUpper,
		"trunc": func(length int, text string) string { return text[:min(length, len(text))] },
		"half":  func(value float64) float64 { return value / 2 },
		"keys":  func(value map[string]any) int { return len(value) },
		"int":   func(value float64) int { return int(value) },
		"int64": func(value int) int64 { return int64(value) },
		"bytes": func(text string) []byte { return []byte(text) },
		"same":  func(value any) any { return value },
		"yes":   func(value bool) bool { return value },
		"count": func(label string, items ...int) string { return fmt.Sprint(label, len(items)) },
		"fail":  func(text string) (string, error) { return "", errors.New(text) },
		"dict": func(pairs ...any) map[string]any {
			out := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				out[fmt.Sprint(pairs[i])] = pairs[i+1]
			}
			return out
		},
		"include": func(name string, data any) (string, error) {
			var out strings.Builder
			err := (*set).ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
	}
}

func value(spec string) any {
	var out any
	kind, text, _ := strings.Cut(spec, ":")
	if kind == "bytes" {
		return []byte(text)
	}
	if kind == "string" {
		return text
	}
	must(json.Unmarshal([]byte(text), &out))
	switch kind {
	case "int":
		var number int
		must(json.Unmarshal([]byte(text), &number))
		return number
	case "int64":
		var number int64
		must(json.Unmarshal([]byte(text), &number))
		return number
	}
	return out
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ints(value any) any {
	switch value := value.(type) {
	case json.Number:
		if number, err := value.Int64(); err == nil {
			return number
		}
		number, _ := value.Float64()
		return number
	case []any:
		for i := range value {
			value[i] = ints(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = ints(value[key])
		}
	}
	return value
}

func answer(test Case) Case {
	var out strings.Builder
	var err error
	if test.Format != nil {
		args := []any{}
		for _, spec := range test.Args {
			args = append(args, value(spec))
		}
		fmt.Fprintf(&out, *test.Format, args...)
	} else {
		err = render(test, &out)
	}
	text := out.String()
	if err != nil {
		message := err.Error()
		test.Error = &message
	}
	test.Output = &text
	return test
}

func render(test Case, out *strings.Builder) error {
	if test.Sample {
		test.Data = sample
	}
	encoded, err := json.Marshal(test.Data)
	must(err)
	var data any
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	if test.Ints {
		decoder.UseNumber()
	}
	must(decoder.Decode(&data))
	if test.Ints {
		data = ints(data)
	}
	set := template.New("main")
	set.Funcs(functions(&set)).Delims(test.Left, test.Right)
	if test.MissingKey != "" {
		set.Option("missingkey=" + test.MissingKey)
	}
	for _, name := range []string{"a", "b", "c"} {
		if source, ok := test.More[name]; ok {
			if _, err := set.New(name).Parse(source); err != nil {
				return err
			}
		}
	}
	if _, err := set.New("main").Parse(test.Template); err != nil {
		return err
	}
	return set.ExecuteTemplate(out, "main", data)
}

func main() {
	generate := flag.Bool("generate", false, "print the built-in cases with their results")
	fuzz := flag.Int("fuzz", 0, "print this many random cases with their results")
	seed := flag.Int64("seed", 1, "seed of the random cases")
	flag.Parse()
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	switch {
	case *generate:
		for _, test := range builtinCases() {
			must(encoder.Encode(answer(test)))
		}
	case *fuzz > 0:
		for _, test := range randomCases(*fuzz, *seed) {
			must(encoder.Encode(answer(test)))
		}
	default:
		scanner := bufio.NewScanner(os.Stdin)
		scanner.Buffer(nil, 64<<20)
		for scanner.Scan() {
			var test Case
			must(json.Unmarshal(scanner.Bytes(), &test))
			must(encoder.Encode(answer(test)))
		}
	}
}
