// Records what Flux's variable substitution answers, as one JSON document a line: the golden
// table that crates/engine/kustomize/src/flux/envsubst.rs replays.
//
//	go run . [CASES] [SEED] > ../../../crates/engine/kustomize/tests/data/envsubst.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst"
)

var variables = map[string]string{
	"a": "one", "B_2": "Two/three/two", "empty": "", "p": "a.b.c.b.a", "n": "2", "u": "äÖß", "_x": "x",
}

var names = []string{"a", "B_2", "empty", "p", "n", "u", "_x", "missing", "9", "a-b", ""}

var words = []string{"", "x", "two", "T", "*", "?", "[a-o]", "[^a]", "b", ".", "*.", "/", "\\/", "\\", "1", "-1", "0", "2",
	"-9", "99", " ", "$", "$$", "a b", ":", "}", "ä", "o*", "*b", "[", "one"}

var operators = []string{"", ":=", ":-", "=", ":?", ":+", "-", "+", "?", "^", "^^", ",", ",,", "^,", ",,,", "#", "##", "###", "%", "%%",
	"/", "//", "/#", "/%", ":", ":"}

type generator struct{ *rand.Rand }

func (g generator) one(list []string) string { return list[g.Intn(len(list))] }

func (g generator) word(depth int) string {
	if depth < 3 && g.Intn(6) == 0 {
		return g.function(depth + 1)
	}
	return g.one(words)
}

func (g generator) function(depth int) string {
	if g.Intn(12) == 0 {
		return "${#" + g.one(names) + "}"
	}
	name := g.one(names[:8])
	if g.Intn(15) == 0 {
		name = g.one(names)
	}
	text := "${" + name
	operator := g.one(operators)
	text += operator
	switch operator {
	case "", "^", "^^", ",", ",,", "^,", ",,,":
	case "/", "//", "/#", "/%":
		text += g.word(depth)
		if g.Intn(8) > 0 {
			text += "/" + g.word(depth)
		}
	case ":":
		text += g.word(depth)
		if g.Intn(2) == 0 {
			text += ":" + g.word(depth)
		}
	default:
		text += g.word(depth)
		if g.Intn(4) == 0 {
			text += g.word(depth)
		}
	}
	if g.Intn(25) == 0 {
		return text
	}
	return text + "}"
}

func (g generator) text() string {
	text := ""
	for range 1 + g.Intn(3) {
		if g.Intn(3) > 0 {
			text += g.function(0)
		} else {
			text += g.one([]string{"$", "$$", "$${a}", "x", "$a", "{}", "}", "\\", " "})
		}
	}
	return text
}

func number(at, otherwise int) int {
	if len(os.Args) > at {
		if n, err := strconv.Atoi(os.Args[at]); err == nil {
			return n
		}
	}
	return otherwise
}

func main() {
	g := generator{rand.New(rand.NewSource(int64(number(2, 1))))}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for range number(1, 1500) {
		text, strict := g.text(), g.Intn(2) == 0
		answer := map[string]any{"text": text, "vars": variables, "strict": strict}
		got, err := envsubst.Eval(text, func(name string) (string, bool) {
			value, known := variables[name]
			return value, known || !strict
		})
		if err != nil {
			answer["error"] = err.Error()
		} else if !utf8.ValidString(got) {
			continue
		} else {
			answer["out"] = got
		}
		if err := encoder.Encode(answer); err != nil {
			panic(err)
		}
	}
}
