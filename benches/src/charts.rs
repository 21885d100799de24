//! helm and Argosy on the same charts.

use crate::report::Times;
use crate::{Common, disk, platform, process, samples, warm};
use anyhow::Context as _;
use argosy_helm::{
    ChartRequest, OutputOptions, ReleaseRequest, Step, TemplateCache, load_folder, merge_layers,
    render_release, template_chart,
};
use argosy_tree::{Limits, RelPath, Rooted};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Releases of one chart in a row.
const RELEASES: usize = 1000;
/// A chart and the values file it is rendered with, beside its own.
struct Case {
    chart: PathBuf,
    values: Option<PathBuf>,
}

/// Runs all pairs.
pub fn run(charts: Option<&Path>, common: &Common) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let sample = folder.path().join("sample");
    samples::chart(&sample)?;
    let large = folder.path().join("platform");
    platform::chart(&large)?;
    let cases = match charts {
        Some(given) => cases(given)?,
        None => {
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/charts");
            let mut all = cases(&own)?;
            all.extend(cases(folder.path())?);
            all
        }
    };
    let helm = argosy_testkit::realapi::tool("helm");
    let mut processes = Vec::new();
    match &helm {
        None => eprintln!("SKIPPED: pairs with helm's process: `make assets` fetches helm"),
        Some(helm) => {
            for case in &cases {
                let theirs = arguments(&["template"], case);
                let ours = arguments(&["helm", "template"], case);
                let pair = process::pair((helm, &theirs), (&common.argosy, &ours), common.rounds)?;
                processes.push(pair);
            }
        }
    }
    let own: Vec<Option<Duration>> = cases
        .iter()
        .map(in_process)
        .collect::<anyhow::Result<_>>()?;
    let lines: Vec<String> = cases.iter().map(Case::line).collect();
    Times {
        tool: "helm",
        processes: &processes,
        own: &own,
        lines: &lines,
    }
    .print(folder.path())?;
    thousand("ten templates", &sample, samples::values)?;
    thousand("25 and a library", &large, platform::release_values)?;
    if let Some(typical) = typical(&cases, &own) {
        let name = typical
            .chart
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        thousand(&name, &typical.chart, samples::values)?;
    }
    Ok(())
}

/// Renders a chart for a thousand releases with values of their own.
fn thousand(name: &str, chart: &Path, values: fn(usize) -> String) -> anyhow::Result<()> {
    let tree = disk::read(chart)?;
    let cache = TemplateCache::new();
    let start = Instant::now();
    let mut bytes = 0;
    for number in 0..RELEASES {
        let request = ChartRequest {
            release_name: format!("r{number}"),
            namespace: format!("team-{}", number % 50),
            values_files: vec![("values.yaml".into(), values(number).into())],
            ..ChartRequest::default()
        };
        let rooted = Rooted::new(&tree, Limits::default());
        let rendered = template_chart(&rooted, &request, &cache)?;
        bytes += rendered.output(request.output_options()).len();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{RELEASES} releases of {name:<20} {seconds:>6.2} s   {:.1} MB of manifests",
        bytes as f64 / 1e6
    );
    Ok(())
}

/// A chart of a usual public size: three quarters of the cases render faster.
fn typical<'c>(cases: &'c [Case], own: &[Option<Duration>]) -> Option<&'c Case> {
    let mut timed: Vec<(Duration, &Case)> = cases
        .iter()
        .zip(own)
        .filter(|(case, _)| case.values.is_none())
        .filter_map(|(case, time)| Some(((*time)?, case)))
        .collect();
    timed.sort_by_key(|(time, _)| *time);
    (timed.len() > 8).then(|| timed[timed.len() * 3 / 4].1)
}

/// A rendering in the process, chart loaded and templates compiled; `None` where it fails.
fn in_process(case: &Case) -> anyhow::Result<Option<Duration>> {
    let tree = disk::read(&case.chart)?;
    let rooted = Rooted::new(&tree, Limits::default());
    let Ok(chart) = load_folder(&rooted, &RelPath::root()) else {
        return Ok(None);
    };
    let mut request = ReleaseRequest::new("rel", "ns1");
    if let Some(values) = &case.values {
        let layer = argosy_helm::Layer::File {
            name: values.display().to_string(),
            data: std::fs::read(values)?,
        };
        let merged = merge_layers(&[layer], &|_| Err(String::new()));
        request.values = merged.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    request.now = argosy_helm::GoTime::new(jiff::Zoned::now());
    let cache = TemplateCache::new();
    let once = || match render_release(&chart, &request, &cache) {
        Ok(Step::Done(rendering)) => Some(rendering.output(OutputOptions::default()).len()),
        _ => None,
    };
    Ok(warm::mean(once))
}

impl Case {
    fn line(&self) -> String {
        let values = self.values.as_deref().unwrap_or(Path::new(""));
        format!("{}\t{}", self.chart.display(), values.display())
    }
}

fn arguments(verb: &[&str], case: &Case) -> Vec<String> {
    let mut all: Vec<String> = verb.iter().map(|word| (*word).to_owned()).collect();
    all.extend(["rel".into(), case.chart.display().to_string()]);
    all.extend(["-n".into(), "ns1".into()]);
    if let Some(values) = &case.values {
        all.extend(["-f".into(), values.display().to_string()]);
    }
    all
}

/// Each chart alone, and with each file of its `ci` folder.
fn cases(folder: &Path) -> anyhow::Result<Vec<Case>> {
    let mut found = Vec::new();
    for chart in sorted(folder)? {
        if !chart.join("Chart.yaml").is_file() {
            continue;
        }
        found.push(Case {
            chart: chart.clone(),
            values: None,
        });
        for values in sorted(&chart.join("ci")).unwrap_or_default() {
            if values.to_string_lossy().ends_with("values.yaml") {
                found.push(Case {
                    chart: chart.clone(),
                    values: Some(values),
                });
            }
        }
    }
    Ok(found)
}

fn sorted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut all: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    all.sort();
    Ok(all)
}
