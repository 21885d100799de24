//! `--post-renderer` and `--enable-dns`: what a rendering may ask of the machine, by its user's
//! word.

use super::HelmFailure;
use super::flags::Context;
use super::operate::wrong_flag;
use super::plugin::Plugin;
use argosy_helm::{Outside, PostRenderer, Resolve};
use clap::Args;
use std::collections::BTreeMap;
use std::net::ToSocketAddrs as _;
use std::sync::{Arc, Mutex, PoisonError};

/// How many hosts one rendering may ask for.
const MAX_HOSTS: usize = 100;

#[derive(Args)]
pub(super) struct OutsideFlags {
    /// Plugin of helm that changes what is rendered
    #[arg(long, value_name = "NAME")]
    post_renderer: Vec<String>,
    /// Argument for the post-renderer (repeatable)
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    post_renderer_args: Vec<String>,
    /// Templates may ask for the addresses of hosts
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    enable_dns: bool,
}

impl OutsideFlags {
    /// What the flags allow: nothing without them.
    pub fn resolve(&self, context: &Context<'_>) -> Result<Outside, HelmFailure> {
        let mut names = self.post_renderer.iter().filter(|name| !name.is_empty());
        let wrong = |name: &str, why: &str| wrong_flag(name, "--post-renderer", why);
        let post_renderer = match names.next() {
            None => None,
            Some(name) => {
                let plugin = Plugin::find(context, name).map_err(|why| wrong(name, &why))?;
                Some(post_renderer(plugin, self.post_renderer_args.clone()))
            }
        };
        if let Some(second) = names.next() {
            let why = "cannot specify --post-renderer flag more than once";
            return Err(wrong(second, why));
        }
        Ok(Outside {
            resolve: self.enable_dns.then(resolver),
            post_renderer,
        })
    }
}

fn post_renderer(plugin: Plugin, arguments: Vec<String>) -> PostRenderer {
    Arc::new(move |stream: &str| {
        let name = plugin.name();
        let answer = plugin
            .run(&arguments, stream)
            .map_err(|why| format!("failed to invoke post-renderer plugin {name:?}: {why}"))?;
        if answer.trim().is_empty() {
            return Err(format!("post-renderer {name:?} produced empty output"));
        }
        Ok(answer)
    })
}

/// Asks the machine's own resolver, for each host once.
fn resolver() -> Resolve {
    let known: Mutex<BTreeMap<String, Option<String>>> = Mutex::default();
    Arc::new(move |host: &str| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = known.get(host) {
            return address.clone();
        }
        if known.len() >= MAX_HOSTS {
            return None;
        }
        let found = (host, 0).to_socket_addrs().ok();
        let address = found.and_then(|mut found| found.next());
        let address = address.map(|address| address.ip().to_string());
        known.insert(host.to_owned(), address.clone());
        address
    })
}
