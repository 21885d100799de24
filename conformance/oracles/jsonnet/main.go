// Prints what go-jsonnet makes of cases, the yardstick for crates/languages/jsonnet.
//
//	cd crates/languages/jsonnet/tests/data && oracle < cases.txt > golden.jsonl
//
// A case begins with a line `//// name`, and a line `//// file PATH` begins a file that it may
// import. `//// ext NAME VALUE`, `//// extcode`, `//// tla` and `//// tlacode` give values. After
// `//// each NAME` every line is a case of its own. Each case becomes one line of JSON: its name
// with the output, or with the error and its line.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-jsonnet"
)

type result struct {
	Name   string          `json:"name"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
	Line   int             `json:"line,omitempty"`
}

type pending struct {
	name   string
	main   strings.Builder
	files  map[string]*strings.Builder
	values [][3]string
}

var place = regexp.MustCompile(`main\.jsonnet:\(?(\d+)`)

func (c *pending) run() result {
	vm := jsonnet.MakeVM()
	data := map[string]jsonnet.Contents{}
	for path, text := range c.files {
		data[path] = jsonnet.MakeContents(text.String())
	}
	vm.Importer(&jsonnet.MemoryImporter{Data: data})
	for _, value := range c.values {
		switch value[0] {
		case "ext":
			vm.ExtVar(value[1], value[2])
		case "extcode":
			vm.ExtCode(value[1], value[2])
		case "tla":
			vm.TLAVar(value[1], value[2])
		case "tlacode":
			vm.TLACode(value[1], value[2])
		}
	}
	out, err := vm.EvaluateAnonymousSnippet("main.jsonnet", c.main.String())
	if err == nil {
		return result{Name: c.name, Output: json.RawMessage(out)}
	}
	text := err.Error()
	line := 0
	if found := place.FindStringSubmatch(text); found != nil {
		line, _ = strconv.Atoi(found[1])
	}
	first, _, _ := strings.Cut(text, "\n")
	return result{Name: c.name, Error: strings.TrimPrefix(first, "RUNTIME ERROR: "), Line: line}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	var current *pending
	var file *strings.Builder
	each, count := "", 0
	finish := func() {
		if current == nil {
			return
		}
		if err := encoder.Encode(current.run()); err != nil {
			fmt.Fprintln(os.Stderr, current.name, err)
			os.Exit(1)
		}
	}
	for in.Scan() {
		line := in.Text()
		words, isMark := strings.CutPrefix(line, "//// ")
		parts := strings.SplitN(words, " ", 3)
		switch {
		case !isMark && each != "":
			if line != "" {
				count++
				current = &pending{name: fmt.Sprintf("%s:%d", each, count)}
				current.main.WriteString(line + "\n")
				finish()
				current = nil
			}
		case !isMark:
			if file != nil {
				file.WriteString(line + "\n")
			}
		case len(parts) == 2 && parts[0] == "each":
			finish()
			current, each, count = nil, parts[1], 0
		case len(parts) == 2 && parts[0] == "file":
			file = &strings.Builder{}
			current.files[parts[1]] = file
		case len(parts) == 3 && current != nil:
			current.values = append(current.values, [3]string{parts[0], parts[1], parts[2]})
		default:
			finish()
			each = ""
			current = &pending{name: words, files: map[string]*strings.Builder{}}
			file = &current.main
		}
	}
	finish()
}
