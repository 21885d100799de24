package main

import (
	"fmt"
	"math/rand"
	"strings"
)

var sample = map[string]any{
	"name": "web", "count": 3, "big": 1000000, "ratio": 0.25, "yes": true, "no": false, "null": nil,
	"empty": "", "list": []any{"a", "b", "c"}, "none": []any{}, "nested": map[string]any{"x": map[string]any{"y": "deep"}},
	"mixed": []any{1, "two", nil, true, []any{2.5}}, "html": "<a href=\"x\">'&'</a>", "map": map[string]any{"k2": "v2", "k1": "v1"},
	"uni": "héllo ☃", "maps": []any{map[string]any{"n": 1}, map[string]any{"n": 2}},
}

var templates = []string{
	// Text, comments and trimming.
	``, `plain`, "a\n{{- 1 -}}\n b", "a {{- /* c */ -}} b", "{{/* c */}}", "{{/* c", "{{/* c */ x}}", "{{- 3}}", "{{-3}}", "{{3 -}}  \n x",
	"x{{ \"a\" -}}  {{- \"b\" }}y", "{{\n1\n}}", "{{1}}{{/* multi\nline */}}\n{{.bad.worse.worst}}", "{{ - 3 }}", "a{{-\n1}}", "{{1-}}",
	// Unclosed and misplaced things.
	`{{`, `{{ .x`, `{{ "abc`, "{{ \"a\nb\" }}", "{{ `raw", `{{ 'a`, `{{ (1 }}`, `{{ 1) }}`, `{{end}}`, `{{else}}`, `{{if}}{{end}}`, `{{if true}}`,
	`{{range}}{{end}}`, `{{with .x}}`, "\n\n{{if .x}}\n\n{{end", "{{if true}}{{else}}{{else}}{{end}}", "{{define \"x\"}}", "{{define x}}{{end}}", "{{define \"x\" 1}}{{end}}",
	"{{template}}", "{{template x}}", "{{template \"nope\"}}", "{{template \"nope\" .}}", "{{block \"b\"}}{{end}}", "{{break}}", "{{continue}}", "{{break 1}}",
	"{{range .list}}{{break 1}}{{end}}", "{{nofunc 1}}", "{{.x.}}", "{{.x..y}}", "{{1.x}}", "{{\"a\".x}}", "{{nil}}", "{{nil.x}}", "{{true.x}}", "{{$x}}", "{{$x := 1}}{{$y}}",
	"{{.a | 1}}", "{{1 | .}}", "{{1 | \"x\"}}", "{{1 | nil}}", "{{|}}", "{{1 |}}", "{{()}}", "{{(1) 2}}", "{{1 2}}", "{{. 1}}", "{{\"x\" 1}}", "{{@}}", "{{é}}", "{{\x01}}", "{{,}}", "{{a,b}}", "{{$x, $y := 1}}", "{{$x, 1}}",
	"{{range $x, 1 := .list}}{{end}}", "{{range $a, $b, $c := .list}}{{end}}", "{{$x = 1}}", "{{$x := 1}}{{$x = 2}}{{$x}}", "{{:}}", "{{= 1}}", "{{.x!}}", "{{$x!}}", "{{upper!}}", "{{0x}}", "{{1a}}", "{{1_}}", "{{\"\\q\"}}", "{{'ab'}}", "{{''}}", "{{else if}}", "{{if true}}{{else with}}{{end}}",
	"line\n{{.a}}\n{{.b | nofunc}}", "{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}{{template \"a\"}}", "{{define \"a\"}} {{end}}{{define \"a\"}}y{{end}}{{template \"a\"}}", "{{define \"a\"}}y{{end}}{{define \"a\"}} {{end}}{{template \"a\"}}",
	"{{if .yes}\n}}", "{{ .name\n\n.x! }}", "{{if .yes}}\n{{ \"unclosed }}\n{{end}}", "{{with $x := .name}}{{$x}}{{else with .list}}{{.}}{{end}}", "{{define \"in\"}}{{range .}}{{end}}",
	"{{range .list}}{{define \"in\"}}{{break}}{{end}}{{end}}",
	// Constants.
	`{{1}} {{-1}} {{+1}} {{0x1F}} {{017}} {{0o17}} {{0b101}} {{1_000}} {{1e3}} {{1.5}} {{.5}} {{1.}} {{0x1p4}} {{1e21}} {{1e20}} {{123456789.0}} {{1e-7}} {{'a'}} {{'\n'}} {{'\''}} {{'é'}}`,
	`{{9223372036854775807}}`, `{{9223372036854775808}}`, `{{18446744073709551616}}`, `{{1e400}}`, `{{08}}`, `{{0_1}}`, `{{1__0}}`, `{{-0}}`, `{{-0.0}}`, "{{`raw\\n`}}", `{{"esc\t\"\x41\u00e9\101"}}`, `{{true}} {{false}}`,
	`{{printf "%T" 1e3}} {{printf "%T" 0x10}} {{printf "%T" 'a'}} {{printf "%T" 1.0}}`, `{{int64 1e3}}`, `{{int64 1.5}}`, `{{int64 'a'}}`, `{{half 1}}`, `{{half 'a'}}`,
	// Fields and nil.
	`{{.name}} {{.nested.x.y}} {{.missing}} {{.null}}`, `{{.missing.a}}`, `{{.missing.a.b}}`, `{{.null.a}}`, `{{.name.a}}`, `{{.count.a}}`, `{{.nested.x.y.z}}`, `{{.nested.q.z}}`, `{{.list.a}}`, `{{(.missing).a}}`, `{{(.null).a}}`, `{{(.name).a}}`, `{{(dict "a" 1).a}}`, `{{(dict "a" 1).b}}`, `{{(dict "a" 1).b.c}}`, `{{(index .maps 0).n}}`, `{{(index .maps 5).n}}`,
	`{{$x := .null}}{{$x.a}}`, `{{$x := .nested}}{{$x.x.y}} {{$x.q}} {{$x.q.r}}`, `{{$.name}} {{$.missing.x}}`, `{{.name 1}}`, `{{1 | .name}}`, `{{$.name 1}}`, `{{(.nested.x).y}}`, `{{.nested.x.y | upper}}`, `{{ .nested .x }}`, `{{print .null .missing}}`, `{{print nil}}`, `{{same nil}}`, `{{upper nil}}`, `{{.name.x.y}}`, `{{same .name.x}}`, `{{$v := .}}{{$v.name.x}}`, `{{with .name}}{{.x}}{{end}}`, `{{(same .null).x}}`, `{{same.x}}`, `{{list.x}}`,
	// Control.
	`{{if .yes}}y{{else}}n{{end}}{{if .no}}y{{else}}n{{end}}{{if .missing}}y{{else if .name}}else{{end}}`, `{{if .none}}y{{end}}{{if .list}}l{{end}}{{if .empty}}e{{end}}{{if 0}}0{{end}}{{if 0.0}}0{{end}}{{if .map}}m{{end}}{{if ""}}x{{end}}`,
	`{{with .name}}{{.}}{{end}}{{with .missing}}x{{else}}{{.name}}{{end}}{{with .empty}}{{else with .ratio}}{{.}}{{end}}`, `{{range .list}}{{.}},{{end}}`, `{{range $i, $e := .list}}{{$i}}={{$e}} {{end}}`, `{{range $e := .list}}{{$e}}{{end}}`, `{{range .none}}x{{else}}none{{end}}`, `{{range .missing}}x{{else}}none{{end}}`, `{{range .null}}x{{else}}none{{end}}`, `{{range .map}}{{.}} {{end}}`, `{{range $k, $v := .map}}{{$k}}:{{$v}} {{end}}`, `{{range $k, $v := .nested}}{{$k}}{{$v}}{{end}}`,
	`{{range 3}}{{.}}{{end}}`, `{{range $i := 3}}{{$i}}{{end}}`, `{{range $i, $j := 3}}{{$i}}{{end}}`, `{{range 0}}x{{else}}zero{{end}}`, `{{range -2}}x{{else}}neg{{end}}`, `{{range .count}}{{.}}{{end}}`, `{{range (int .count)}}{{.}}{{end}}`, `{{range .name}}{{.}}{{end}}`, `{{range .ratio}}{{end}}`, `{{range .yes}}{{end}}`, `{{range 1.5}}{{end}}`,
	`{{range .list}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}`, `{{range .list}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}`, `{{range .list}}{{range $.list}}{{break}}{{end}}{{.}}{{end}}`, `{{range .list}}{{range $.none}}{{else}}{{break}}{{end}}{{.}}{{end}}`, `{{range .list}}{{range $.none}}{{else}}{{continue}}{{end}}{{.}}{{end}}`, `{{range .list}}{{with .}}{{continue}}{{end}}x{{end}}`,
	`{{$x := 0}}{{range .list}}{{$x = .}}{{end}}{{$x}}`, `{{$x := 0}}{{range .list}}{{$x := .}}{{end}}{{$x}}`, `{{$i := 9}}{{$e := 8}}{{range $i, $e = .list}}{{end}}{{$i}}{{$e}}`, `{{$e := 8}}{{range $e = .list}}{{end}}{{$e}}`, `{{range $x := .missing}}{{$x}}{{end}}`, `{{if $x := .name}}{{$x}}{{else}}{{$x}}{{end}}`, `{{if $x := .empty}}{{else}}[{{$x}}]{{end}}`, `{{with $x := .nested}}{{$x.x}} {{.x}}{{end}}`, `{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{end}}{{$x}}`, `{{($x := 5)}}{{$x}}`, `{{and false ($z := 1)}}{{$z}}`, `{{range $i, $m := .maps}}{{$i}}{{$m.n}}{{.n}}{{end}}`, `{{range .mixed}}{{.}};{{end}}`, `{{range .mixed}}{{.x}}{{end}}`, `{{range $v := .mixed}}[{{$v}}]{{end}}`, `{{range $i, $v := .mixed}}{{if $v}}{{$i}}{{end}}{{end}}`, `{{range $i, $c := bytes "ab"}}{{$i}}{{$c}} {{end}}`,
	// Templates.
	`{{define "t"}}[{{.}}]{{end}}{{template "t" .name}}{{template "t"}}`, `{{define "t"}}{{$.name}}{{end}}{{template "t" .}}`, `{{block "b" .name}}<{{.}}>{{end}}`, `{{define "t"}}{{.x.y}}{{end}}{{template "t" .name}}`, `{{define "t"}}{{$x}}{{end}}`, `{{$x := 1}}{{define "t"}}{{$x}}{{end}}`, `{{include "t" .}}{{define "t"}}{{.name}}{{end}}`, `{{include "nope" .}}`, `{{define "t"}}{{.name.x}}{{end}}a{{include "t" .}}`, `{{include "t" . | upper}}{{define "t"}}ab{{end}}`, "{{define \"t\"}}\n  {{fail \"boom\"}}{{end}}x\n {{ include \"t\" . | upper }}", `{{template "t" 1 2}}{{define "t"}}{{end}}`, `{{template "t" (dict "a" 1)}}{{define "t"}}{{.a}}{{end}}`,
	// Functions and their types.
	`{{upper "a"}}`, `{{upper 1}}`, `{{upper .count}}`, `{{upper .null}}`, `{{upper .missing}}`, `{{upper}}`, `{{upper "a" "b"}}`, `{{"a" | upper}}`, `{{1 | upper}}`, `{{.count | upper}}`, `{{.missing | upper}}`, `{{.null | upper}}`, `{{trunc 2 "abc"}}`, `{{"abc" | trunc 2}}`, `{{trunc "2" "abc"}}`, `{{trunc 2.0 "abc"}}`, `{{trunc 2.5 "abc"}}`, `{{trunc .count "abc"}}`, `{{trunc (int .count) "abcdef"}}`, `{{trunc true "a"}}`, `{{trunc nil "a"}}`, `{{half "1"}}`, `{{half .ratio}}`, `{{half .name}}`, `{{keys .map}}`, `{{keys .name}}`, `{{keys .missing}}`, `{{keys .null}}`, `{{keys nil}}`, `{{keys 1}}`, `{{keys "x"}}`, `{{yes true}}`, `{{yes 1}}`, `{{yes .yes}}`, `{{yes .name}}`, `{{count "l" 1 2}}`, `{{count "l" "x"}}`, `{{count "l" .count}}`, `{{count}}`, `{{1 | count "l"}}`, `{{"x" | count "l"}}`, `{{"l" | count}}`, `{{count 1}}`, `{{fail "boom"}}`, `{{"boom" | fail}}`, `{{print (fail "in")}}`, `{{upper (fail "in")}}`, `{{list 1 "a" nil .null .missing}}`, `{{list | len}}`, `{{same (list 1 2)}}`, `{{bytes "ab"}}`, `{{bytes "ab" | printf "%s"}}`, `{{upper (bytes "a")}}`, `{{upper (list)}}`, `{{upper .map}}`, `{{int64 (int 3.0)}}`, `{{int64 .count}}`, `{{half (int 3.0)}}`, `{{upper (upper "a" | upper)}}`, `{{with $x := upper "a"}}{{$x}}{{end}}`, `{{call .name}}`, `{{call nil}}`, `{{call .missing}}`, `{{.name | call}}`, `{{call 1 2}}`, `{{call}}`,
	// and, or, not.
	`{{and}}`, `{{or}}`, `{{not}}`, `{{not 1 2}}`, `{{and 1 0 2}} {{and 1 2}} {{or 0 "" "x"}} {{or 0 ""}} {{not 0}} {{not .missing}} {{not nil}}`, `{{and .missing .x.y}}`, `{{or .name (fail "no")}}`, `{{or .empty (fail "no")}}`, `{{and .empty (fail "no")}}`, `{{1 | and 0}} {{1 | and 2}} {{1 | or 0}} {{1 | or 2}}`, `{{or .null .missing}}`, `{{and .null}}`, `{{(or .null .nested).x.y}}`, `{{(or .null .missing).x}}`, `{{or nil nil}}`, `{{and true .null.x}}`,
	// index, slice, len.
	`{{index .list 0}} {{index .list 2}} {{index .map "k1"}} {{index .nested "x" "y"}} {{index .map "zz"}} {{index .list}} {{index "abc" 1}}`, `{{index .list 3}}`, `{{index .list 4}}`, `{{index .list -1}}`, `{{index .list "a"}}`, `{{index .list .count}}`, `{{index .list nil}}`, `{{index .list 1.0}}`, `{{index .map 1}}`, `{{index .map nil}}`, `{{index .map .missing}}`, `{{index .map .null}}`, `{{index nil 1}}`, `{{index .missing 1}}`, `{{index .null 1}}`, `{{index .count 1}}`, `{{index .nested "q" "z"}}`, `{{index .nested "x" "y" 0}}`, `{{index .nested "x" "q" "r"}}`, `{{index}}`, `{{index "abc" 3}}`, `{{index (bytes "abc") 1}}`, `{{index (bytes "abc") 3}}`, `{{"k1" | index .map}}`, `{{index .list (index .maps 0).n}}`, `{{(index .nested "x").y}}`,
	`{{slice "abcdef" 1 3}} {{slice "abc"}} {{slice "abc" 1}} {{slice .list 1 2}} {{slice .list 1}} {{slice (bytes "abc") 1}}`, `{{slice "abc" 4}}`, `{{slice "abc" 2 1}}`, `{{slice "abc" 1 2 3}}`, `{{slice .list 0 1 2}}`, `{{slice .list 0 1 2 3}}`, `{{slice .list 1 0 2}}`, `{{slice nil}}`, `{{slice .missing}}`, `{{slice .null 1}}`, `{{slice 1 2}}`, `{{slice .map 1}}`, `{{slice "abc" "x"}}`, `{{slice "abc" .count}}`, `{{slice "abc" .missing}}`, `{{slice "abc" nil}}`, `{{slice "abc" 1.0}}`, `{{slice "abc" -1}}`, `{{slice "héllo" 0 2 | printf "%q"}}`,
	`{{len .list}} {{len .map}} {{len "abc"}} {{len .uni}} {{len (bytes "ab")}} {{len .none}}`, `{{len 3}}`, `{{len nil}}`, `{{len .missing}}`, `{{len .null}}`, `{{len .count}}`, `{{len true}}`, `{{len}}`, `{{len .list 1}}`,
	// Comparisons.
	`{{eq 1 1}} {{eq 1 2 1}} {{eq "a" "a"}} {{eq true true}} {{eq 1.0 1.0}} {{eq .name "web"}} {{eq nil nil}} {{eq .null nil}} {{eq .missing nil}} {{eq .missing .null}} {{eq .name nil}} {{eq 1 nil}} {{eq (int 3.0) (int64 3)}}`, `{{eq .count 3}}`, `{{eq .count 3.0}}`, `{{eq 1 "1"}}`, `{{eq true 1}}`, `{{eq .list .list}}`, `{{eq .map .map}}`, `{{eq .list .map}}`, `{{eq .list nil}}`, `{{eq .list "a"}}`, `{{eq 1}}`, `{{eq}}`, `{{1 | eq 1}}`, `{{eq .none nil}}`, `{{eq "a" .missing "a"}}`, `{{eq (bytes "a") (bytes "a")}}`,
	`{{ne 1 2}} {{ne "a" "a"}} {{ne .null nil}}`, `{{ne 1 "a"}}`, `{{ne 1 2 3}}`, `{{lt 1 2}} {{lt "a" "b"}} {{lt 1.5 2.5}} {{le 1 1}} {{gt 2 1}} {{ge 1 1}} {{lt .count 4.0}}`, `{{lt 1 2.0}}`, `{{lt true false}}`, `{{lt nil 1}}`, `{{lt .missing 1}}`, `{{lt .list .list}}`, `{{gt .count 2}}`, `{{ge "a" 1}}`, `{{le nil nil}}`, `{{gt "b" "a" "c"}}`, `{{lt 1}}`, `{{gt .ratio 0.2}}`, `{{le .name "web"}}`,
	// Printing.
	`{{print 1 2 "a" "b" 3 nil true 1.5}}`, `{{println 1 "a" nil}}`, `{{print}}|{{println}}`, `{{printf "%d-%s" 1 "a"}}`, `{{printf "%d" "x"}}`, `{{printf "%s"}}`, `{{printf "%s" nil}}`, `{{printf "x" 1 nil}}`, `{{printf 1}}`, `{{printf .missing}}`, `{{printf .name}}`, `{{printf}}`, `{{"a" | printf "%s-%s" "b"}}`, `{{printf "%v %v" .map .mixed}}`, `{{printf "%#v" .}}`, `{{.}}`, `{{.mixed}}`, `{{.map}}`, `{{.big}} {{.ratio}} {{.count}}`, `{{html .html}} {{js .html}} {{urlquery .html .uni}}`, `{{html 1 "a<" nil .missing}}`, `{{js "a\n\u2028\x00\\=é"}}`, `{{urlquery "a b&c=d/é~-._"}}`, `{{html}}`, `{{js .uni .list}}`, `{{html "\x00"}}`, `{{.html | html}}`, `{{print .list}}`, `{{list nil}}`, `{{printf "%T %T %T %T %T" .list .map .count .name .null}}`, `{{printf "%q" .list}}`, `{{printf "%5.1f|%-5s|%05d" 3.14159 "ab" 42}}`, `{{printf "%v" (bytes "ab")}}`, `{{print (bytes "ab")}}`, `{{printf "%[2]s %[1]s" "a" "b"}}`, `{{printf "%*d" 5 1}}`, `{{printf "%x %X %c %U" 255 255 97 97}}`, `{{printf "%d%%" 5}}`, `{{printf "%!"}}`, `{{printf "%z" 1}}`,
}

func builtinCases() []Case {
	// The first case carries the data that the others share.
	cases := []Case{{Template: `{{.}}`, Data: sample}}
	for _, source := range templates {
		cases = append(cases, Case{Template: source, Sample: true})
	}
	for _, source := range templates {
		if strings.Contains(source, "missing") || strings.Contains(source, "null") || strings.Contains(source, ".q") {
			cases = append(cases, Case{Template: source, Sample: true, MissingKey: "zero"}, Case{Template: source, Sample: true, MissingKey: "error"})
		}
		if strings.Contains(source, "count") || strings.Contains(source, "big") || strings.Contains(source, "mixed") {
			cases = append(cases, Case{Template: source, Sample: true, Ints: true})
		}
	}
	for _, source := range []string{`{{.}}`, `{{.a}}`, `{{$}}`, `{{.a.b}}`, `{{range .}}{{.}}{{else}}e{{end}}`, `{{with .}}{{.}}{{end}}`, `{{len .}}`, `{{index . 0}}`, `{{print .}}`, `{{upper .}}`, `{{eq . nil}}`} {
		for _, data := range []any{nil, "text", 5, true, []any{1, "x"}, map[string]any{"a": nil}} {
			cases = append(cases, Case{Template: source, Data: data}, Case{Template: source, Data: data, MissingKey: "error"})
		}
	}
	more := map[string]string{"a": `{{define "shared"}}from a{{end}}A[{{.}}]`, "b": `{{define "shared"}}from b{{end}}B{{template "a" .}}`, "c": "\n\n {{.name.oops}}"}
	for _, source := range []string{`{{template "a" 1}}`, `{{template "b" 1}}`, `{{template "shared"}}`, `{{include "b" 2}}`, `{{template "c" .}}`, `{{include "c" .}}`, `{{define "shared"}}from main{{end}}{{template "shared"}}`, `{{define "a"}} {{end}}{{template "a" 3}}`} {
		cases = append(cases, Case{Template: source, Sample: true, More: more})
	}
	for _, source := range []string{"<<.name>> {{x}}", "<<- .name ->> x", "<< /* c */ >>", "<</* c */>>", "<<.name", "<<if .yes>>y<<end>>", "<<.name>>>", "<<(.name>>"} {
		cases = append(cases, Case{Template: source, Sample: true, Left: "<<", Right: ">>"})
	}
	for _, source := range []string{"[[.name]]", "(( .name ))", "-- .name --", "| .name |", ". .name ."} {
		half := strings.Fields(source + " x")
		left, right := source[:2], source[len(source)-2:]
		if len(half[0]) == 1 {
			left, right = source[:1], source[len(source)-1:]
		}
		cases = append(cases, Case{Template: source, Sample: true, Left: left, Right: right})
	}
	return append(cases, formatCases()...)
}

var verbs = []string{"v", "d", "s", "q", "x", "X", "o", "O", "b", "c", "U", "e", "E", "f", "F", "g", "G", "t", "T", "w", "z", "%"}
var flags = []string{"", "+", "#", " ", "-", "0", "+#", "# ", "8", "-8", "08", "+08", ".0", ".2", "8.3", "-8.3", "08.3", "#8.3", "+.3", "020", "#x"}
var operands = []string{
	"string:abc", "string:", "string:héllo ☃ \"q\"`\n", "int:42", "int:-42", "int:0", "int:9786", "int64:255", "float:3.14159", "float:-0.5", "float:1000000", "float:1e21", "float:0", "float:123456789", "float:1e-7", "float:100",
	"json:true", "json:null", "json:[1,\"a\",null,true]", "json:{\"b\":1,\"a\":\"x\"}", "json:[]", "bytes:hi\xff", "json:[[1.5],{\"k\":null}]", "int:1114112", "int:10",
}

func formatCases() []Case {
	cases := []Case{}
	for _, verb := range verbs {
		for i, flag := range flags {
			for j, operand := range operands {
				if strings.Contains(operand, "\xff") {
					operand = "bytes:hi~"
				}
				// All operands bare, and a sixth of them with each flag.
				if i > 0 && (i+j)%6 != 0 {
					continue
				}
				format := "<%" + flag + verb + ">"
				cases = append(cases, Case{Format: &format, Args: []string{operand}})
			}
		}
	}
	for _, format := range []string{"%d %d", "%[2]d %[1]d", "%[3]d", "%[0]d", "%[x]d", "%[1", "%[2]*[1]d", "%[3]*.[2]*[1]f", "%*d", "%.*f", "%-*d|", "%.[2]f", "%[1]2d", "%2[1]d", "%", "%5", "%.", "% ", "%é", "%[1]d %d", "%!d", "%d%", "%20000002d", "%.20000002f", "%.3000f", "%2000d", "%99999999999d", "%-+ #0d", "%[1]v %[1]T %[1]q", "%v %v %v %v"} {
		for _, args := range [][]string{{}, {"int:1"}, {"int:7", "int:3"}, {"float:1.5", "int:2", "int:8"}, {"string:a", "int:-5", "json:null"}} {
			format := format
			cases = append(cases, Case{Format: &format, Args: args})
		}
	}
	return cases
}

// randomCases grows templates from a grammar, most of them nearly right.
func randomCases(count int, seed int64) []Case {
	random := rand.New(rand.NewSource(seed))
	pick := func(options ...string) string { return options[random.Intn(len(options))] }
	var operand func(depth int) string
	var pipeline func(depth int) string
	var body func(depth int) string
	operand = func(depth int) string {
		switch random.Intn(14) {
		case 0:
			return pick("1", "-2", "3.5", "1e3", "'a'", "0x1f", "0")
		case 1:
			return pick(`"a"`, `"b c"`, "`r`", `""`, `"é\n"`)
		case 2:
			return pick("true", "false", "nil")
		case 3:
			return "."
		case 4:
			return pick("$", "$x", "$y.a", "$.name", "$x.n")
		case 5, 6:
			if depth > 0 {
				return "(" + pipeline(depth-1) + ")" + pick("", "", "", ".x", ".a.b")
			}
		}
		return pick(".name", ".count", ".list", ".map", ".nested", ".nested.x", ".nested.x.y", ".missing", ".null", ".null.a", ".missing.a", ".mixed", ".yes", ".no", ".none", ".empty", ".maps", ".ratio", ".big", ".uni")
	}
	command := func(depth int, last bool) string {
		name := pick("print", "printf", "println", "len", "index", "slice", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "html", "js", "urlquery", "list", "dict", "upper", "trunc", "half", "keys", "int", "int64", "bytes", "same", "yes", "count", "include", "call")
		words := []string{name}
		for range random.Intn(4) {
			words = append(words, operand(depth))
		}
		if name == "printf" && random.Intn(4) > 0 {
			words = append([]string{name, pick(`"%v"`, `"%s %d"`, `"%q"`, `"%T"`, `"%5.2f|%x"`, `"%+v %#v"`)}, words[1:]...)
		}
		return strings.Join(words, " ")
	}
	pipeline = func(depth int) string {
		text := operand(depth)
		if random.Intn(2) == 0 {
			text = command(depth, false)
		}
		for range random.Intn(3) {
			if random.Intn(2) == 0 {
				text += pick(" | ", "|", " |\n")
				text += command(depth, true)
			}
		}
		return text
	}
	body = func(depth int) string {
		var out strings.Builder
		for range 1 + random.Intn(3) {
			open, shut := pick("{{", "{{", "{{- "), pick("}}", "}}", " -}}")
			action := func(text string) { out.WriteString(open + text + shut) }
			switch random.Intn(12) {
			case 0, 1:
				out.WriteString(pick("text", " \n ", "x\n", "é", "-", "}}"))
			case 2:
				action(pick("$x", "$y") + pick(" := ", " = ", ":=") + pipeline(depth))
			case 3:
				action("if " + pick("", "", "$x := ") + pipeline(depth))
				if depth > 0 {
					out.WriteString(body(depth - 1))
				}
				if random.Intn(2) == 0 {
					action(pick("else", "else", "else if "+pipeline(0)))
					out.WriteString(pick("E", "", "{{.}}"))
				}
				action("end")
			case 4:
				action("with " + pick("", "$x := ") + pipeline(depth))
				if depth > 0 {
					out.WriteString(body(depth - 1))
				}
				action("end")
			case 5, 6:
				action("range " + pick("", "", "$x := ", "$x, $y := ", "$x = ") + pipeline(depth))
				if depth > 0 {
					out.WriteString(body(depth - 1))
				}
				out.WriteString(pick("", "", "{{break}}", "{{continue}}", "{{else}}none"))
				action("end")
			case 7:
				action(pick(`template "t" `, `template "a" `, `template "zz" `) + pipeline(depth))
			case 8:
				action(pick("/* note */", "else", "end", "break", "define \"q\"", "block \"k\" .", "(", "|", "1.x", "$zz", "nofunc"))
			default:
				action(pipeline(depth))
			}
		}
		return out.String()
	}
	cases := []Case{}
	for i := range count {
		test := Case{Sample: true, Template: "{{$x := .maps}}{{$y := .name}}" + body(2) + pick("", `{{define "t"}}T{{.}}{{end}}`)}
		test.MissingKey = pick("", "", "zero", "error")
		test.Ints = i%3 == 0
		if random.Intn(3) == 0 {
			test.More = map[string]string{"a": pick("A{{.}}", "{{.name}}", "{{.x.y.z}}", "{{range .}}{{.}}{{end}}")}
		}
		cases = append(cases, test)
		if random.Intn(4) == 0 {
			format := ""
			for range 1 + random.Intn(3) {
				format += pick("a", "%", "%%", "") + "%" + pick("", "+", "#", " ", "-", "0", "+0") + pick("", "", "3", "12", "*", "[1]", "[2]") + pick("", "", ".", ".1", ".4", ".*", ".12") + verbs[random.Intn(len(verbs))]
			}
			args := []string{}
			for range random.Intn(4) {
				args = append(args, operands[random.Intn(len(operands)-4)])
			}
			for at := range args {
				args[at] = strings.ReplaceAll(args[at], "\xff", "~")
			}
			if random.Intn(3) == 0 {
				value := (random.Float64() - 0.5) * []float64{1, 10, 1e6, 1e-6, 1e20, 1e300}[random.Intn(6)]
				args = append(args, fmt.Sprintf("float:%g", value))
			}
			cases = append(cases, Case{Format: &format, Args: args})
		}
	}
	return cases
}
