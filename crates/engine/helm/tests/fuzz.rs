//! What a chart's author, a chart repository and a command line give, under mutation.

#[path = "../../../../conformance/mutation.rs"]
mod mutation;

use argosy_gotmpl::Limits as TemplateLimits;
use argosy_helm::{
    ChartRequest, Index, Layer, ReleaseRequest, Step, TemplateCache, load_archive, merge_layers,
    render_chart, render_release,
};
use argosy_tree::{Limits, MemoryTree, Rooted};
use flate2::{Compression, write::GzEncoder};
use mutation::Grammar;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;

const LINES: [&[u8]; 6] = [
    b"a.b=1,c=true,d={x,y},e[0].f=null",
    b"a\\.b\\,c=d\\=e,l[2][1]=x,l[0]=y",
    b"n={},m=,k=0x1f,j=1e3,i=00,h=-1",
    b"{\"a\": [1, {\"b\": null}]}",
    b"a={\"b\": 1},c=[1,2],d=\"x\"",
    b"g[1].h.i[3]=text with spaces,g[1].h.j=\xc3\xa9",
];
const LINE_WORDS: [&str; 24] = [
    "=",
    ",",
    ".",
    "[",
    "]",
    "{",
    "}",
    "\\",
    "[0]",
    "[65536]",
    "[-1]",
    "[999999999]",
    "null",
    "true",
    "\"",
    "a.",
    "=1",
    "={",
    "}=",
    " ",
    "\u{e9}",
    "[]",
    "..",
    ",,",
];

const CHARTS: [&[u8]; 3] = [
    b"apiVersion: v2\nname: demo\nversion: 1.0.0\ntype: application\nappVersion: '1'\nkubeVersion: '>=1.20'\ndependencies:\n- {name: sub, version: '*', alias: s, condition: s.on, tags: [t], import-values: [data, {child: a, parent: b}]}\nannotations: {a: b}\nmaintainers: [{name: me, email: a@b.c, url: 'https://x'}]\n",
    b"apiVersion: v1\nname: demo\nversion: v1.2.3-rc.1+b\ndeprecated: true\nicon: x\nsources: [a]\nkeywords: [k]\n",
    b"apiVersion: v2\nname: demo\nversion: 0.0.1\ntype: library\n",
];
const VALUES: [&[u8]; 2] = [
    b"global: {g: 1}\ns: {on: true, data: null}\nlist: [1, 2]\nname: x\ntags: {t: false}\n",
    b"a: &x {b: 1}\nc: *x\ns: null\n",
];
const SCHEMAS: [&[u8]; 3] = [
    br##"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 1}, "list": {"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": true}}, "required": ["name"], "additionalProperties": false}"##,
    br##"{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}, {"not": {"const": 1}}]}, "b": {"enum": [1, "x", null]}}, "allOf": [{"$ref": "#/$defs/a"}], "if": {"type": "null"}, "then": false, "else": true}"##,
    br##"{"type": ["object", "null"], "patternProperties": {"^s": {"type": "object"}}, "dependentRequired": {"a": ["c"]}, "propertyNames": {"maxLength": 9}, "format": "uri"}"##,
];
const TEMPLATES: [&[u8]; 3] = [
    b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name | quote }}\n  annotations: {helm.sh/hook: 'pre-install,test', helm.sh/hook-weight: '5'}\ndata:\n{{ toYaml .Values.list | indent 2 }}\n---\n{{ include \"h\" . | nindent 2 }}{{ define \"h\" }}a: {{ tpl \"{{ .Chart.Name }}\" . }}{{ end }}\n",
    b"{{- range $k, $v := .Values }}\n---\nkind: {{ $k | title }}\nmetadata: {name: n}\nv: {{ $v | toJson }}\n{{- end }}{{ required \"no\" .Values.s.data }}{{ lookup \"v1\" \"Pod\" \"a\" \"\" }}\n",
    b"kind: List\nitems:\n- {{ .Files.Get \"f\" | b64enc }}\n- {{ (.Files.Glob \"*\").AsConfig | fromYaml | toToml | sha256sum }}\n- {{ semverCompare \">=1\" .Capabilities.KubeVersion.Version | ternary 1 2 }}{{ dict \"a\" (list 1 2 | join \"-\") | toYaml | trunc 5 }}\n",
];
const WORDS: [&str; 36] = [
    "{{ ",
    " }}",
    "{{ end }}",
    "{{- ",
    ".Values",
    ".Chart",
    "$",
    "| ",
    "(",
    ")",
    "\"",
    "nil ",
    "name: ",
    "version: ",
    "null",
    "\n",
    "  ",
    "- ",
    "---\n",
    "kind: ",
    "[]",
    "{}",
    "&a ",
    "*a",
    ": ",
    "'",
    "99999999999",
    "-1",
    "\"$ref\": \"#\"",
    "\"type\": ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\u{e9}",
];

fn limits() -> TemplateLimits {
    TemplateLimits {
        steps: 200_000,
        output: 4 << 20,
        ..ReleaseRequest::new("r", "n").limits
    }
}

#[test]
fn strvals() {
    let grammar = Grammar {
        seeds: &LINES,
        words: &LINE_WORDS,
    };
    let layers: [fn(String) -> Layer; 5] = [
        Layer::Set,
        Layer::SetString,
        Layer::SetJson,
        Layer::SetLiteral,
        Layer::SetFile,
    ];
    grammar.run(3_000, |bytes| {
        let line = String::from_utf8_lossy(bytes).into_owned();
        let read = |_: &str| Ok(b"content".to_vec());
        for layer in layers {
            let _ = merge_layers(&[layer(line.clone()), layer(line.clone())], &read);
        }
    });
}

#[test]
fn charts() {
    let parts = [&CHARTS[..], &VALUES, &SCHEMAS, &TEMPLATES].map(|seeds| Grammar {
        seeds,
        words: &WORDS,
    });
    // One part of the chart changes at a time; the others are as they should be.
    for (number, part) in parts.iter().enumerate() {
        part.run(250, |bytes| {
            let mut files = [CHARTS[0], VALUES[0], SCHEMAS[0], TEMPLATES[0]].map(<[u8]>::to_vec);
            files[number] = bytes.to_vec();
            let [chart, values, schema, template] = files;
            let tree = MemoryTree::new([
                ("Chart.yaml", chart),
                ("values.yaml", values),
                ("values.schema.json", schema),
                ("templates/a.yaml", template),
                ("f", b"file".to_vec()),
                (
                    "charts/sub/Chart.yaml",
                    b"apiVersion: v2\nname: sub\nversion: 1.0.0\n".to_vec(),
                ),
                (
                    "charts/sub/values.yaml",
                    b"exports: {data: {x: 1}}\n".to_vec(),
                ),
            ]);
            let request = ChartRequest {
                limits: limits(),
                ..ChartRequest::default()
            };
            let reader = Rooted::new(&tree, Limits::default());
            let _ = render_chart(&reader, &request, &TemplateCache::new());
        });
    }
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, data) in entries {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(data);
        tar.resize(tar.len().div_ceil(512) * 512, 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn packed(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(tar).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[test]
fn archives() {
    let inner = packed(&tar(&[
        (
            "sub/Chart.yaml",
            b"apiVersion: v2\nname: sub\nversion: 1.0.0\n",
        ),
        ("sub/values.yaml", b"a: 1\n"),
    ]));
    let plain = tar(&[
        ("demo/Chart.yaml", CHARTS[0]),
        ("demo/values.yaml", VALUES[0]),
        ("demo/.helmignore", b"*.md\n!x\n[a-\n"),
        ("demo/templates/a.yaml", TEMPLATES[0]),
        ("demo/charts/sub-1.0.0.tgz", &inner),
    ]);
    let whole = packed(&plain);
    let words = [
        "../",
        "/",
        "\0",
        "demo",
        "0000644",
        "77777777777",
        "\u{e9}",
        "5",
        "2",
        "x",
    ];
    let outside = Grammar {
        seeds: &[&whole],
        words: &words,
    };
    outside.run(400, |bytes| {
        let _ = load_archive(bytes);
    });
    let inside = Grammar {
        seeds: &[&plain],
        words: &words,
    };
    inside.run(400, |bytes| {
        let Ok(chart) = load_archive(&packed(bytes)) else {
            return;
        };
        let mut request = ReleaseRequest::new("r", "n");
        request.limits = limits();
        let _ = render_release(&chart, &request, &TemplateCache::new());
    });
}

#[test]
fn indexes() {
    let yaml: &[u8] = b"apiVersion: v1\ngenerated: '2020-01-01T00:00:00Z'\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    urls: [demo-1.0.0.tgz]\n    created: '2020-01-01T00:00:00Z'\n    digest: abc\n  - {name: demo, version: bad, urls: []}\n";
    let json: &[u8] = br#"{"apiVersion":"v1","entries":{"demo":[{"name":"demo","version":"1.0.0","urls":["a.tgz"]},null]},"generated":"x"}"#;
    let grammar = Grammar {
        seeds: &[yaml, json],
        words: &WORDS,
    };
    grammar.run(2_000, |bytes| {
        let _ = Index::parse(bytes);
    });
}

#[test]
fn post_rendered_streams() {
    let stream: &[u8] = b"kind: A\nmetadata:\n  annotations:\n    postrenderer.helm.sh/postrender-filename: 'demo/templates/a.yaml'\n--- # c\nkind: List\nitems:\n- {kind: B, metadata: {annotations: {x: y}}}\n- # head\n  kind: C\n";
    let grammar = Grammar {
        seeds: &[stream],
        words: &WORDS,
    };
    let tree = MemoryTree::new([
        ("Chart.yaml", CHARTS[1].to_vec()),
        ("templates/a.yaml", b"kind: A\n".to_vec()),
    ]);
    let reader = Rooted::new(&tree, Limits::default());
    let chart = argosy_helm::load_folder(&reader, &argosy_tree::RelPath::root()).expect("it loads");
    let cache = TemplateCache::new();
    let inputs = AssertUnwindSafe((&chart, &cache));
    grammar.run(2_000, move |bytes| {
        let (chart, cache) = *inputs;
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut request = ReleaseRequest::new("r", "n");
        request.outside.post_renderer = Some(std::sync::Arc::new(move |_| Ok(text.clone())));
        if let Ok(Step::Done(done)) = render_release(chart, &request, cache) {
            assert!(done.manifests.len() + done.hooks.len() < 100);
        }
    });
}
