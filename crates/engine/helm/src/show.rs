//! What `helm show` tells of a chart.

use crate::chart::Chart;

/// A part of what there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowPart {
    /// Everything.
    All,
    /// Chart.yaml
    Chart,
    /// values.yaml
    Values,
    /// README.md
    Readme,
    /// The files of `crds/`
    Crds,
}

impl Chart {
    /// The text that `helm show` prints.
    pub fn show(&self, part: ShowPart) -> String {
        let is = |wanted: ShowPart| part == wanted || part == ShowPart::All;
        let mut out = String::new();
        let rule = |out: &mut String| {
            if part == ShowPart::All {
                out.push_str("---\n");
            }
        };
        if is(ShowPart::Chart) {
            out.push_str(&self.metadata.to_yaml());
            out.push('\n');
        }
        if is(ShowPart::Values)
            && let Some(values) = &self.values_file
        {
            rule(&mut out);
            out.push_str(&String::from_utf8_lossy(values));
            out.push('\n');
        }
        let readme = self.files.iter().find(|file| {
            let name = file.name.to_lowercase();
            matches!(name.as_str(), "readme.md" | "readme.txt" | "readme")
        });
        if is(ShowPart::Readme)
            && let Some(readme) = readme
        {
            rule(&mut out);
            out.push_str(&String::from_utf8_lossy(&readme.data));
            out.push('\n');
        }
        if is(ShowPart::Crds) {
            for (_, file) in self.crds() {
                if !file.data.starts_with(b"---") {
                    out.push_str("---\n");
                }
                out.push_str(&String::from_utf8_lossy(&file.data));
                out.push('\n');
            }
        }
        out
    }
}
