//! Bases elsewhere, over repositories that are made up.

use super::*;
use argosy_crds::Source;
use argosy_object::Class;
use argosy_object::Classified as _;
use argosy_ports::{
    Artifact, ChartRef, CredentialId, RepoRef, Seen, SourceError, SourceErrorKind, Wanted,
};
use argosy_tree::MemoryTree;
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::watch;

/// Repositories by URL; what is not there never answers.
#[derive(Default)]
struct Repositories(Mutex<BTreeMap<String, Arc<MemoryTree>>>);

impl Repositories {
    fn set(&self, url: &str, files: &[(&str, &str)]) {
        let tree = Arc::new(MemoryTree::new(
            files.iter().map(|(path, text)| (*path, (*text).to_owned())),
        ));
        self.0.lock().unwrap().insert(url.into(), tree);
    }
}

#[async_trait]
impl Sources for Repositories {
    fn repo(&self, url: &str, project: &str) -> RepoRef {
        RepoRef {
            url: url.into(),
            credential: CredentialId(project.into()),
            project: "".into(),
        }
    }

    async fn resolve(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError> {
        assert_eq!(&*repo.credential.0, "team", "credentials are the project's");
        if !self.0.lock().unwrap().contains_key(&*repo.url) {
            std::future::pending::<()>().await;
        }
        Ok(Artifact {
            repo: repo.clone(),
            revision: wanted.revision.clone(),
            digest: Digest::of(b""),
            chart: "".into(),
            pass_credentials: false,
        })
    }

    async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
        let trees = self.0.lock().unwrap();
        Ok(trees[&*artifact.repo.url].clone())
    }

    async fn file(&self, repo: &RepoRef, _: u64) -> Result<Vec<u8>, SourceError> {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: file}}\ndata: {{url: '{}'}}\n",
            repo.url
        );
        Ok(text.into_bytes())
    }

    async fn chart(&self, _: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError> {
        Err(SourceError {
            kind: SourceErrorKind::Unsupported,
            message: "there are no charts".into(),
            hint: None,
        })
    }

    async fn refresh_charts(&self, _: &RepoRef) -> Result<(), SourceError> {
        Ok(())
    }

    fn pushed(&self, _: &[String]) -> usize {
        0
    }

    fn follow(&self, _: &RepoRef, _: &Wanted) -> watch::Receiver<Seen> {
        watch::channel(Seen::default()).1
    }

    async fn refresh(&self, _: &RepoRef) -> Result<(), SourceError> {
        Ok(())
    }
}

const BASE: &str = "https://h.example/o/base";

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

struct World {
    repositories: Arc<Repositories>,
    pool: RenderPool,
    cache: RenderCache,
    sourced: Sourced,
}

impl World {
    fn new(kustomization: &str) -> Self {
        let repositories = Arc::new(Repositories::default());
        repositories.set(
            BASE,
            &[
                ("kustomization.yaml", "resources: [map.yaml]\n"),
                ("map.yaml", &map("one")),
            ],
        );
        let tree = MemoryTree::new([("app/kustomization.yaml", kustomization.to_owned())]);
        let source = Source {
            path: "app".into(),
            ..Source::default()
        };
        Self {
            pool: RenderPool::default().with_sources(repositories.clone()),
            cache: RenderCache::default(),
            sourced: Sourced {
                artifact: Artifact {
                    repo: repositories.repo("https://h.example/o/app", "team"),
                    revision: "1".into(),
                    digest: Digest::of(b""),
                    chart: "".into(),
                    pass_credentials: false,
                },
                source,
                tree: Arc::new(tree),
            },
            repositories,
        }
    }

    async fn render_if(&self, permit: &Permit<'_>) -> Result<Vec<String>, StageError> {
        let template = Request {
            project: "team".into(),
            ..Request::default()
        };
        let facts = ClusterFacts::default();
        let sources = std::slice::from_ref(&self.sourced);
        let rendered = self
            .pool
            .render(sources, &template, &facts, &self.cache, permit)
            .await?;
        let names = rendered
            .objects
            .iter()
            .map(|(object, _)| object.name().to_owned());
        Ok(names.collect())
    }

    async fn render(&self) -> Result<Vec<String>, StageError> {
        self.render_if(&|_| Ok(())).await
    }
}

#[tokio::test]
async fn bases_elsewhere_are_fetched_with_the_projects_credentials() {
    let world = World::new(&format!(
        "resources: ['{BASE}?ref=v1', 'https://h.example/f.yaml']\n"
    ));
    assert_eq!(world.render().await.unwrap(), ["file", "one"]);
    assert_eq!(world.cache.remotes()[0].revision, "v1");
}

#[tokio::test]
async fn an_outcome_is_kept_until_what_was_read_elsewhere_changes() {
    let world = World::new(&format!("resources: ['{BASE}']\n"));
    let old = world.repositories.0.lock().unwrap()[BASE].clone();
    world.render().await.unwrap();
    let files = |unread: &'static str, name: &str| {
        world.repositories.set(
            BASE,
            &[
                ("kustomization.yaml", "resources: [map.yaml]\n"),
                ("map.yaml", &map(name)),
                ("unread.txt", unread),
            ],
        );
        world.repositories.0.lock().unwrap()[BASE].clone()
    };
    let touched = |new: &MemoryTree| argosy_tree::touched(&*old, new).unwrap();
    let new = files("changed", "one");
    assert!(!world.cache.is_hit(&touched(&new)));
    assert_eq!(world.render().await.unwrap(), ["one"]);
    assert_eq!(world.pool.rendered(), 1);
    let new = files("changed", "two");
    assert!(world.cache.is_hit(&touched(&new)));
    assert_eq!(world.render().await.unwrap(), ["two"]);
    assert_eq!(world.pool.rendered(), 2);
}

#[tokio::test]
async fn a_project_gets_no_base_of_a_repository_that_it_may_not_read() {
    let world = World::new(&format!("resources: ['{BASE}']\n"));
    let permit = |url: &str| Err(format!("`{url}` is not permitted"));
    let error = world.render_if(&permit).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied);
    let text = error.to_string();
    assert!(
        text.contains(BASE) && text.contains("is not permitted"),
        "{text}"
    );
    // Neither from the cache, once the right is gone.
    world.render().await.unwrap();
    assert_eq!(
        world.render_if(&permit).await.unwrap_err().class(),
        Class::Denied
    );
}

#[tokio::test]
async fn hosts_that_are_not_allowed_are_refused() {
    let mut world = World::new(&format!("resources: ['{BASE}']\n"));
    let sources = world.repositories.clone();
    let hosts = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
    world.pool = RenderPool::default()
        .with_sources(sources.clone())
        .with_remote_hosts(hosts(&["other.example"]));
    let error = world.render().await.unwrap_err();
    assert!(error.to_string().contains("host `h.example`"), "{error}");
    world.pool = RenderPool::default()
        .with_sources(sources)
        .with_remote_hosts(hosts(&["other.example", "h.example"]));
    assert_eq!(world.render().await.unwrap(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_base_that_never_comes_ends_after_its_timeout() {
    let world = World::new("resources: ['https://h.example/o/gone?timeout=3']\n");
    let begin = tokio::time::Instant::now();
    let error = world.render().await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(4));
    assert!(
        error.to_string().contains("longer than 3 seconds"),
        "{error}"
    );
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn bases_that_lead_on_and_on_end() {
    let world = World::new("resources: ['https://h.example/o/r0']\n");
    for number in 0..20 {
        let next = format!("resources: ['https://h.example/o/r{}']\n", number + 1);
        world.repositories.set(
            &format!("https://h.example/o/r{number}"),
            &[("kustomization.yaml", &next)],
        );
    }
    let error = world.render().await.unwrap_err();
    assert!(
        error.to_string().contains("asked for more than 8 times"),
        "{error}"
    );
    let many: Vec<String> = (0..80)
        .map(|n| format!("'https://h.example/o/m{n}'"))
        .collect();
    let world = World::new(&format!("resources: [{}]\n", many.join(", ")));
    let error = world.render().await.unwrap_err();
    assert!(
        error.to_string().contains("more than 64 remote bases"),
        "{error}"
    );
}
