//! Charts that mean harm end in an error with its place, within the limits.

use std::io::Write;

use argosy_helm::{
    ChartRequest, HelmError, RenderedChart, SetKind, SetValue, TemplateCache, lacking,
    load_archive, load_beside, render_chart, template_chart,
};
use argosy_tree::{Limits, MemoryTree, Rooted, TreeError};
use flate2::{Compression, write::GzEncoder};

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";

/// An entry of a tar: name, type and content.
type Entry<'e> = (&'e str, u8, &'e [u8]);

fn tgz(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, kind, data) in entries {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[156] = *kind;
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(data);
        tar.resize(tar.len().div_ceil(512) * 512, 0);
    }
    tar.resize(tar.len() + 1024, 0);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn render(files: &[(&str, &[u8])], set: &str) -> Result<RenderedChart, HelmError> {
    let files = files.iter().map(|(path, data)| (*path, data.to_vec()));
    let tree = MemoryTree::new(files);
    let mut request = ChartRequest::default();
    if !set.is_empty() {
        request.set.push(SetValue {
            kind: SetKind::Set,
            text: set.into(),
        });
    }
    render_chart(
        &Rooted::new(&tree, Limits::default()),
        &request,
        &TemplateCache::new(),
    )
}

fn template(source: &str) -> Result<RenderedChart, HelmError> {
    let files: [(&str, &[u8]); 2] = [
        ("Chart.yaml", CHART.as_bytes()),
        ("templates/a.yaml", source.as_bytes()),
    ];
    render(&files, "")
}

#[test]
fn packed_subchart_renders() {
    let sub = tgz(&[
        (
            "sub/Chart.yaml",
            b'0',
            b"apiVersion: v2\nname: sub\nversion: 0.1.0\n",
        ),
        ("sub/templates", b'5', b""),
        (
            "sub/templates/cm.yaml",
            b'0',
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.key }}}\n",
        ),
        ("sub/values.yaml", b'0', b"\xef\xbb\xbfkey: packed\n"),
    ]);
    let files: [(&str, &[u8]); 2] = [
        ("Chart.yaml", CHART.as_bytes()),
        ("charts/sub-0.1.0.tgz", &sub),
    ];
    let rendered = render(&files, "").expect("it renders");
    assert!(
        rendered
            .manifest
            .starts_with("---\n# Source: demo/charts/sub/templates/cm.yaml\n")
    );
    assert_eq!(rendered.objects[0].0.name(), "packed");
}

#[test]
fn archives_stay_inside() {
    let chart: Entry<'_> = ("demo/Chart.yaml", b'0', CHART.as_bytes());
    for (entry, wanted) in [
        (
            ("demo/../../x", b'0', &b"x"[..]),
            "chart illegally references parent directory",
        ),
        (
            ("demo//etc/passwd", b'0', b"x"),
            "chart illegally contains absolute paths",
        ),
        (
            ("Chart.yaml", b'0', b"x"),
            "chart illegally contains content outside the base directory",
        ),
        (
            ("demo/c:/x", b'0', b"x"),
            "chart contains illegally named files",
        ),
    ] {
        let error = load_archive(&tgz(&[chart, entry]))
            .expect_err(entry.0)
            .to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
    // A link brings nothing in.
    let linked = load_archive(&tgz(&[chart, ("demo/link", b'2', b"")])).expect("it loads");
    assert!(linked.files.iter().all(|file| file.data.is_empty()));
}

#[test]
fn bombs_are_refused() {
    let big = vec![0; 6 << 20];
    let error = load_archive(&tgz(&[("demo/big", b'0', &big)])).expect_err("too large");
    assert!(
        error
            .to_string()
            .contains("larger than the maximum file size 5242880"),
        "{error}"
    );
    let part = vec![0; 5 << 20];
    let names: Vec<String> = (0..25).map(|at| format!("demo/{at}")).collect();
    let entries: Vec<Entry<'_>> = names
        .iter()
        .map(|name| (name.as_str(), b'0', &part[..]))
        .collect();
    let error = load_archive(&tgz(&entries)).expect_err("too large");
    assert!(
        error
            .to_string()
            .contains("larger than the maximum size 104857600"),
        "{error}"
    );
    for broken in [&b""[..], b"\x1f\x8b\x08", b"no gzip at all"] {
        assert!(load_archive(broken).is_err());
    }
}

#[test]
fn templates_that_never_end_are_stopped() {
    for (source, wanted) in [
        (
            "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}",
            "nested reference name",
        ),
        (
            "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
            "depth",
        ),
        (
            "{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}",
            "depth",
        ),
        ("{{ range until 1000000000 }}{{ end }}", ""),
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        (
            "{{ range $i, $e := untilStep 0 1000000000 1 }}{{ end }}",
            "",
        ),
        (
            "{{ printf \"%2000000000d\" 1 }}{{ fail \"unreached\" }}",
            "unreached",
        ),
        (
            "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ print $d }}",
            "steps",
        ),
        (
            "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ merge (dict) $d | toJson }}",
            "",
        ),
        (
            "{{ $x := \"xxxxxxxx\" }}{{ range 40 }}{{ $x = cat $x $x }}{{ end }}",
            "bytes made",
        ),
        (
            "{{ $x := \"\\\"\" }}{{ range 64 }}{{ $x = quote $x }}{{ end }}",
            "bytes made",
        ),
        ("{{ indent 1000000000 \"x\" }}", ""),
        (
            "{{ $t := repeat 1000000 \"x\" }}{{ range 1000 }}{{ regexMatch \"y\" $t }}{{ end }}",
            "steps",
        ),
        ("{{ repeat 1000000000 \"x\" }}", ""),
        (
            "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}",
            "",
        ),
        (
            "{{ $l := list 1 }}{{ range until 60 }}{{ $l = list $l $l }}{{ end }}{{ toJson $l }}",
            "too large",
        ),
        (
            "{{ regexMatch \"(a*)*(a*)*(a*)*b\" (repeat 100000 \"a\") }}",
            "-",
        ),
    ] {
        let result = template(source);
        if wanted == "-" {
            continue;
        }
        let error = result.expect_err(source).to_string();
        assert!(error.contains(wanted), "{source}: {error}");
        assert!(
            error.contains("demo/templates/a.yaml:1"),
            "{source}: {error}"
        );
    }
}

#[test]
fn yaml_bombs_are_refused() {
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..30).map(|at| {
            let below = format!("*a{}", at - 1);
            format!("a{at}: &a{at} [{}]\n", vec![below; 10].join(", "))
        }))
        .collect();
    let deep = "[".repeat(100_000);
    for values in [bomb.as_str(), &deep] {
        let files: [(&str, &[u8]); 2] = [
            ("Chart.yaml", CHART.as_bytes()),
            ("values.yaml", values.as_bytes()),
        ];
        let error = render(&files, "").expect_err("refused").to_string();
        assert!(error.starts_with("cannot load values.yaml: "), "{error}");
    }
    assert!(template(&deep).is_err());
}

#[test]
fn brackets_and_blocks_in_templates_nest_to_a_limit() {
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(200_000), ")".repeat(200_000));
    let blocks = "{{ if true }}".repeat(200_000) + &"{{ end }}".repeat(200_000);
    for source in [parens, blocks] {
        assert!(template(&source).is_err());
        let through = "{{ tpl .Values.t . }}";
        let values = format!("t: {}\n", argosy_object::Value::from(source));
        let files: [(&str, &[u8]); 3] = [
            ("Chart.yaml", CHART.as_bytes()),
            ("values.yaml", values.as_bytes()),
            ("templates/a.yaml", through.as_bytes()),
        ];
        let error = render(&files, "").expect_err("refused").to_string();
        assert!(error.contains("demo/templates/a.yaml:1"), "{error:.300}");
    }
}

#[test]
fn charts_within_themselves_end() {
    // A chart that asks for itself, packed into itself as often as it may be and once more.
    let chart = format!("{CHART}dependencies: [{{name: demo, version: 1.0.0, repository: ''}}]\n");
    let mut packed = tgz(&[("demo/Chart.yaml", b'0', CHART.as_bytes())]);
    for _ in 0..40 {
        let inner = packed.clone();
        packed = tgz(&[
            ("demo/Chart.yaml", b'0', chart.as_bytes()),
            ("demo/charts/demo-1.0.0.tgz", b'0', &inner),
        ]);
    }
    let error = load_archive(&packed).expect_err("too deep").to_string();
    assert!(error.contains("32 charts in each other"), "{error:.300}");
    // One that names itself under `charts/` by a link.
    let tree = MemoryTree::new([("c/Chart.yaml", chart)]).with_link("c/charts/demo", "..");
    let request = ChartRequest {
        chart: argosy_tree::RelPath::new("c").expect("a path"),
        ..ChartRequest::default()
    };
    let reader = Rooted::new(&tree, Limits::default());
    assert!(template_chart(&reader, &request, &TemplateCache::new()).is_err());
}

#[test]
fn charts_that_name_each_other_end() {
    let chart = |name: &str, other: &str| {
        format!(
            "apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies: [{{name: {other}, version: \
             '*', repository: 'file://../{other}'}}]\n"
        )
    };
    let tree = MemoryTree::new([
        ("a/Chart.yaml", chart("a", "b")),
        ("b/Chart.yaml", chart("b", "a")),
        ("b/templates/x.yaml", "kind: B\n".to_owned()),
    ]);
    let reader = Rooted::new(&tree, Limits::default());
    let folder = argosy_tree::RelPath::new("a").expect("a path");
    let cache = TemplateCache::new();
    let wanted = lacking(&reader, &folder, &cache).expect("it loads");
    let fetched = wanted.iter().map(|one| load_beside(&reader, &folder, one));
    let fetched: Result<Vec<_>, _> = fetched.collect();
    let request = ChartRequest {
        chart: folder,
        fetched: fetched.expect("it is there"),
        ..ChartRequest::default()
    };
    // Each is loaded once: what a dependency itself lacks is not fetched.
    let rendered = template_chart(&reader, &request, &cache).expect("it renders");
    assert_eq!(rendered.manifests.len(), 1);
    // With links instead, each is in the other for ever.
    let tree = MemoryTree::new([
        ("a/Chart.yaml", chart("a", "b")),
        ("b/Chart.yaml", chart("b", "a")),
    ])
    .with_link("a/charts/b", "../../b")
    .with_link("b/charts/a", "../../a");
    let reader = Rooted::new(&tree, Limits::default());
    let request = ChartRequest {
        fetched: Vec::new(),
        ..request
    };
    let error = template_chart(&reader, &request, &cache).expect_err("refused");
    assert!(error.to_string().contains("folders deep"), "{error:.300}");
}

#[test]
fn huge_values_end_within_the_limits() {
    let files: [(&str, &[u8]); 3] = [
        ("Chart.yaml", CHART.as_bytes()),
        (
            "values.yaml",
            b"a: 1e999999999\nb: 99999999999999999999999999999999\nc: 0x7fffffffffffffffff\n",
        ),
        (
            "templates/a.yaml",
            b"{{ .Values.a }} {{ int .Values.b }} {{ add .Values.b 1 }} {{ .Values.c }}",
        ),
    ];
    // Whether it renders or not, it ends.
    let _ = render(&files, "d=1e999999999,e=99999999999999999999999999999999");
    let text = format!("t: {}\n", "x".repeat(12 << 20));
    let files: [(&str, &[u8]); 2] = [
        ("Chart.yaml", CHART.as_bytes()),
        ("values.yaml", text.as_bytes()),
    ];
    let error = render(&files, "").expect_err("refused").to_string();
    assert!(error.contains("larger than"), "{error:.300}");
    let mut request = ChartRequest::default();
    request
        .values_files
        .push(("big.yaml".to_owned(), text.into_bytes().into()));
    let tree = MemoryTree::new([("Chart.yaml", CHART.to_owned())]);
    let reader = Rooted::new(&tree, Limits::default());
    let error = render_chart(&reader, &request, &TemplateCache::new()).expect_err("refused");
    assert!(error.to_string().contains("larger than"), "{error:.300}");
    let many = format!(
        "{{{{ $l := list }}}}{{{{ range until 300000 }}}}{{{{ $l = append $l (repeat 40 \"x\") }}}}{{{{ end }}}}{{{{ toYaml $l }}}}"
    );
    assert!(template(&many).is_err());
}

#[test]
fn expressions_that_blow_up_are_refused_or_linear() {
    for (expression, wanted) in [
        ("(x{1000}){1000}", "invalid repeat count"),
        ("((((x{30}){30}){30}){30}){30}", "invalid repeat count"),
        ("x{1001}", "invalid repeat count"),
    ] {
        let source = format!("{{{{ mustRegexMatch \"{expression}\" \"x\" }}}}");
        match template(&source) {
            Ok(_) => panic!("{expression} is taken"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(wanted), "{expression}: {error}");
                assert!(error.contains("demo/templates/a.yaml:1"), "{error}");
            }
        }
    }
    // What other engines never end with takes time in proportion to the text.
    let source = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  matches: \
                  '{{ regexMatch \"^(a|a|aa)*$\" (print (repeat 20000 \"a\") \"b\") }}'";
    let rendered = template(source).expect("it renders");
    assert!(
        rendered.manifest.contains("matches: 'false'"),
        "{}",
        rendered.manifest
    );
}

#[test]
fn schemas_read_nothing_else_and_end() {
    for (schema, wanted) in [
        (
            r#"{"$ref": "http://169.254.169.254/latest"}"#,
            "http://169.254.169.254",
        ),
        (
            r#"{"$ref": "https://example.com/schema.json"}"#,
            "https://example.com",
        ),
        (r#"{"$ref": "file:///etc/passwd"}"#, "file:///etc/passwd"),
        (
            r#"{"$ref": "../../other/values.schema.json"}"#,
            "other/values.schema.json",
        ),
        (r##"{"$ref": "#"}"##, ""),
        (
            r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}"##,
            "",
        ),
        (
            r#"{"properties": {"a": {"pattern": "(x{1000}){1000}"}}}"#,
            "",
        ),
    ] {
        let files: [(&str, &[u8]); 3] = [
            ("Chart.yaml", CHART.as_bytes()),
            ("values.yaml", b"a: x\n"),
            ("values.schema.json", schema.as_bytes()),
        ];
        let error = render(&files, "").expect_err(schema).to_string();
        assert!(error.contains("demo:\n"), "{schema}: {error}");
        assert!(error.contains(wanted), "{schema}: {error}");
    }
}

#[test]
fn names_that_grow_by_merging_stay_within_the_lines_given() {
    let files: [(&str, &[u8]); 1] = [("Chart.yaml", CHART.as_bytes())];
    let many: Vec<String> = (0..2_000).map(|at| format!("a{at}[65536]=1")).collect();
    let error = render(&files, &many.join(","))
        .expect_err("refused")
        .to_string();
    assert!(error.contains("too many list items"), "{error}");
    assert!(render(&files, &format!("{}=1", "a.".repeat(10_000))).is_err());
}

#[test]
fn lines_of_values_are_bounded() {
    let files: [(&str, &[u8]); 1] = [("Chart.yaml", CHART.as_bytes())];
    let error = render(&files, "a[999999999]=1")
        .expect_err("refused")
        .to_string();
    assert_eq!(
        error,
        "failed parsing --set data: index of 999999999 is greater than maximum supported index \
         of 65536"
    );
}

#[test]
fn links_out_of_the_tree_are_refused() {
    let tree = MemoryTree::new([("c/Chart.yaml", CHART)]).with_link("c/templates", "../../etc");
    let request = ChartRequest {
        chart: argosy_tree::RelPath::new("c").expect("a path"),
        ..ChartRequest::default()
    };
    let reader = Rooted::new(&tree, Limits::default());
    let error = template_chart(&reader, &request, &TemplateCache::new()).expect_err("refused");
    assert!(
        matches!(error, HelmError::Tree(TreeError::Outside { .. })),
        "{error}"
    );
}

#[test]
fn linked_files_are_read_anew_each_time() {
    let cache = TemplateCache::new();
    let request = ChartRequest {
        chart: argosy_tree::RelPath::new("c").expect("a path"),
        ..ChartRequest::default()
    };
    for text in ["first", "second"] {
        let shared = format!("kind: ConfigMap\napiVersion: v1\nmetadata: {{name: {text}}}\n");
        let tree = MemoryTree::new([("c/Chart.yaml", CHART.to_owned()), ("shared.yaml", shared)])
            .with_link("c/templates/cm.yaml", "../../shared.yaml");
        let reader = Rooted::new(&tree, Limits::default());
        let rendered = render_chart(&reader, &request, &cache).expect("it renders");
        assert_eq!(rendered.objects[0].0.name(), text);
    }
}

#[test]
fn equal_inputs_render_equal_bytes() {
    let source = "apiVersion: v1\nkind: Secret\nmetadata: {name: {{ randAlphaNum 20 | lower }}}\n\
                  data: {now: {{ now | unixEpoch | quote }}, id: {{ uuidv4 }}}\n";
    let renders: Vec<String> = (0..2)
        .map(|_| template(source).expect("it renders").manifest)
        .collect();
    assert_eq!(renders[0], renders[1]);
}
