//! `argosy appset generate`: what a set would make, with nothing written.

use crate::session::{Connected, Session};
use crate::sources::FleetSources;
use argosy_cli::hub::{self, Hub};
use argosy_cli::{Failure, Format, view};
use argosy_crds::ClusterSecret;
use argosy_generate::{
    Cluster, Facts, Generation, GeneratorInputs, Need, Step, TreeKey, generate, validate,
};
use argosy_object::{Digest, Object, Value};
use argosy_ports::{Clock as _, Sources as _, SystemTime, Wanted};
use argosy_tree::Tree;
use argosy_yaml::Limits;
use clap::Args;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// How often generating may ask for more.
const MAX_ROUNDS: usize = 8;
/// Largest file with a set.
const MAX_FILE: u64 = 4 << 20;

/// The Applications that a set would make.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy appset generate services
  argosy appset generate services.yaml -o yaml
  argosy appset generate - -o name < services.yaml

A set of a file needs the hub only where a generator asks for clusters.")]
pub struct GenerateCommand {
    /// A set of the hub (NAME or NAMESPACE/NAME), or a file with one, `-` for standard input
    #[arg(value_name = "NAME|FILE")]
    set: String,
    /// Its namespace, where it is one of the hub
    #[arg(short = 'N', long, value_name = "NAME")]
    appset_namespace: Option<String>,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl GenerateCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let (set, generation) = session.block_on(async {
            let mut asked = Asked {
                session,
                connected: None,
                sources: None,
            };
            let set = match file(&self.set)? {
                Some(set) => set,
                None => {
                    let hub = &asked.connected()?.hub;
                    let (namespace, name) = hub.place(&self.set, self.appset_namespace.as_deref());
                    hub.get(&hub::application_sets(), &namespace, &name).await?
                }
            };
            let generation = asked.generate(&set).await?;
            asked.warn(&set, &generation).await?;
            Ok((set, generation))
        })?;
        let apps: Vec<Object> = generation
            .apps
            .into_iter()
            .map(|generated| {
                let mut app = generated.app;
                app.set_namespace(set.namespace());
                app
            })
            .collect();
        session.print_list(&view::appset::generated(&apps), self.output)?;
        Ok(0)
    }
}

/// What was asked for so far; nothing is connected to before it is needed.
struct Asked<'s> {
    session: &'s Session,
    connected: Option<Connected>,
    sources: Option<FleetSources>,
}

impl Asked<'_> {
    fn connected(&mut self) -> Result<&Connected, Failure> {
        if self.connected.is_none() {
            self.connected = Some(self.session.connect()?);
        }
        Ok(self.connected.as_ref().expect("it was made just now"))
    }

    async fn generate(&mut self, set: &Object) -> Result<Generation, Failure> {
        let doing = || format!("cannot generate ApplicationSet `{}`", set.name());
        let mut inputs = GeneratorInputs {
            now: SystemTime.now(),
            // As the controller has it, so that random functions give what it would give.
            seed: Digest::of_parts([set.uid().as_bytes(), b"generate"]).0,
            ..GeneratorInputs::default()
        };
        for _ in 0..MAX_ROUNDS {
            let step =
                generate(set, &inputs).map_err(|error| Failure::of(&error).while_doing(doing()))?;
            let needs = match step {
                Step::Done(generation) => return Ok(generation),
                Step::Needs(needs) => needs,
            };
            for need in needs {
                match need {
                    Need::Clusters => {
                        inputs.clusters = Some(clusters(&self.connected()?.hub).await?);
                    }
                    Need::Tree(key) => {
                        let tree = self
                            .tree(set, &key)
                            .await
                            .map_err(|failure| failure.while_doing(doing()))?;
                        inputs.trees.insert(key, tree);
                    }
                }
            }
        }
        Err(
            Failure::new(format!("generating asked for more than {MAX_ROUNDS} times"))
                .while_doing(doing()),
        )
    }

    /// A repository's tree, with the hub's credentials where there is a hub.
    async fn tree(&mut self, set: &Object, key: &TreeKey) -> Result<Arc<dyn Tree>, Failure> {
        if self.sources.is_none() {
            let session = self.session;
            self.sources = Some(match self.connected() {
                Ok(connected) => session.sources(&connected.hub).await?,
                Err(_) => session.sources_without_credentials()?,
            });
        }
        let sources = self.sources.as_ref().expect("they were made just now");
        let project = set
            .pointer("/spec/template/spec/project")
            .and_then(Value::as_str)
            .filter(|project| !project.contains("{{"))
            .unwrap_or("");
        let wanted = Wanted {
            revision: key.revision.as_str().into(),
            tag_prefix: None,
            ..Wanted::default()
        };
        let repo = sources.repo(&key.repo_url, project);
        let artifact = sources
            .resolve(&repo, &wanted)
            .await
            .map_err(|error| Failure::of(&error))?;
        sources
            .tree(&artifact)
            .await
            .map_err(|error| Failure::of(&error))
    }

    /// Says which Applications the controller would leave out.
    async fn warn(&self, set: &Object, generation: &Generation) -> Result<(), Failure> {
        let Some(connected) = &self.connected else {
            return Ok(());
        };
        let hub = &connected.hub;
        let projects = hub
            .list(&hub::projects(), Some(hub.namespace()), None)
            .await?;
        let projects: BTreeSet<String> = projects.iter().map(|p| p.name().to_owned()).collect();
        let clusters = clusters(hub).await?;
        let facts = Facts {
            projects: &projects,
            clusters: &clusters,
        };
        for sentence in validate(set.name(), &generation.apps, facts).0.values() {
            self.session.tell(&format!("warning: {sentence}"));
        }
        Ok(())
    }
}

/// The set of a file; `None` where the text names one of the hub.
fn file(text: &str) -> Result<Option<Object>, Failure> {
    let path = Path::new(text);
    let looks_like_one = text == "-"
        || path
            .extension()
            .is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
        || path.is_file();
    if !looks_like_one {
        return Ok(None);
    }
    let doing = || format!("cannot read `{text}`");
    let bytes =
        read(path, text).map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
    let objects = argosy_yaml::parse_stream(text, &bytes, &Limits::default())
        .map_err(|error| Failure::from_error(&error).while_doing(doing()))?;
    let mut sets = objects
        .into_iter()
        .map(|(object, _)| object)
        .filter(|o| o.kind() == "ApplicationSet");
    match (sets.next(), sets.next()) {
        (Some(set), None) => Ok(Some(set)),
        (None, _) => Err(Failure::new(format!("`{text}` holds no ApplicationSet"))),
        (Some(_), Some(_)) => Err(Failure::new(format!(
            "`{text}` holds more than one ApplicationSet"
        ))
        .hint("give one at a time")),
    }
}

fn read(path: &Path, text: &str) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let source: Box<dyn std::io::Read> = match text {
        "-" => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path)?),
    };
    source.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!(
            "it is larger than {MAX_FILE} bytes"
        )));
    }
    Ok(bytes)
}

async fn clusters(hub: &Hub) -> Result<Vec<Cluster>, Failure> {
    let secrets = hub.clusters().await?;
    let readable = secrets
        .iter()
        .filter_map(|secret| ClusterSecret::of(secret).ok());
    Ok(readable
        .map(|cluster| Cluster {
            name: cluster.name,
            server: cluster.server,
            project: cluster.project,
            labels: cluster.labels,
            annotations: cluster.annotations,
        })
        .collect())
}
