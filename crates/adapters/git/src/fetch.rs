//! One conversation with a Git server: which references it has, and the objects that are missing.

use crate::objects::Objects;
use crate::refs::{Refs, Target};
use crate::wire::Budget;
use gix::ObjectId;
use gix::protocol::fetch::negotiate::{Action, Round, one_round};
use gix::protocol::fetch::{Arguments, Context, Negotiate, Options, Response, Shallow, Tags};
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::{Handshake, LsRefsCommand};
use gix_transport::Service;
use gix_transport::client::blocking_io::Transport;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Most commits that are offered as already here.
const MAX_HAVES: usize = 256;
/// How far behind each branch's tip commits are offered: after a force push the tip itself may
/// mean nothing to the server while its parents do.
const HAVES_BEHIND_TIP: usize = 8;
/// Most references of a server that are read.
const MAX_REFS: usize = 500_000;
/// Largest single allocation that a received pack may ask for.
const MAX_ALLOCATION: usize = 1 << 30;

/// What a conversation is about.
pub(crate) struct Request<'r> {
    /// The mirror's folder, with `objects/pack` in it.
    pub dir: &'r Path,
    /// What is here already.
    pub have: Option<(&'r Refs, &'r Objects)>,
    /// Full names wanted beside all heads and tags.
    pub extra: &'r BTreeSet<String>,
    /// A commit wanted by its name alone.
    pub commit: Option<ObjectId>,
    /// How many commits of a history are wanted; 0: all.
    pub depth: u32,
}

/// Why a conversation did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The library's text: the carrier keeps the real cause.
    #[error("{0}")]
    Protocol(String),
    /// Its objects have names that we do not read.
    #[error("its objects have `{0}` names")]
    Format(String),
    /// What came could not be kept.
    #[error("{0}")]
    Disk(String),
    /// Too many references.
    #[error("the server has more than {MAX_REFS} references")]
    TooManyRefs,
}

/// A way to a server, whatever carries it.
pub(crate) type Carrier = Box<dyn Transport + Send>;

/// Talks to the server and stores what is missing as one pack.
///
/// The answer is the server's references; they are recorded by the caller once the pack is in
/// its place.
pub(crate) fn fetch(
    transport: &mut Carrier,
    budget: &Budget,
    request: &Request<'_>,
) -> Result<Refs, FetchError> {
    let mut handshake = shake_hands(transport)?;
    let listed = list(transport, &mut handshake, request.extra)?;
    if listed.len() > MAX_REFS {
        return Err(FetchError::TooManyRefs);
    }
    let (refs, mut wants) = collect(listed, request);
    wants.extend(request.commit);
    if let Some((_, objects)) = request.have {
        wants.retain(|id| !objects.exists(id));
    }
    if !wants.is_empty() {
        budget.expect_pack();
        receive(transport, &mut handshake, wants, request)?;
    }
    Ok(refs)
}

/// Asks whether there is a repository that may be read, and fetches nothing.
pub(crate) fn greet(transport: &mut Carrier) -> Result<(), FetchError> {
    shake_hands(transport).map(drop)
}

fn shake_hands(transport: &mut Carrier) -> Result<Handshake, FetchError> {
    let handshake = gix::protocol::handshake(
        transport,
        Service::UploadPack,
        |_| Ok(None),
        Vec::new(),
        &mut gix::progress::Discard,
    )
    .map_err(protocol)?;
    let format = handshake
        .capabilities
        .capability("object-format")
        .and_then(|format| format.value().map(ToString::to_string));
    match format {
        Some(format) if format != "sha1" => Err(FetchError::Format(format)),
        _ => Ok(handshake),
    }
}

fn list(
    transport: &mut Carrier,
    handshake: &mut Handshake,
    extra: &BTreeSet<String>,
) -> Result<Vec<Ref>, FetchError> {
    if let Some(refs) = handshake.refs.take() {
        return Ok(refs);
    }
    let mut prefixes = RefPrefixes::new();
    let fixed = ["HEAD", "refs/heads/", "refs/tags/"];
    prefixes.extend(
        fixed
            .into_iter()
            .chain(extra.iter().map(String::as_str))
            .map(Into::into),
    );
    LsRefsCommand::new(Some(prefixes), &handshake.capabilities, agent())
        .invoke_blocking(transport, &mut gix::progress::Discard, false)
        .map_err(protocol)
}

fn agent() -> (&'static str, Option<String>) {
    (
        "agent",
        Some(concat!("argosy/", env!("CARGO_PKG_VERSION")).into()),
    )
}

/// Keeps the references that count, and what they point to.
fn collect(listed: Vec<Ref>, request: &Request<'_>) -> (Refs, Vec<ObjectId>) {
    let mut refs = Refs::default();
    let mut wants = BTreeSet::new();
    for reference in listed {
        let (name, target, object) = match reference {
            Ref::Direct {
                full_ref_name,
                object,
            } => (full_ref_name, Target::Object(object), Some(object)),
            Ref::Peeled {
                full_ref_name, tag, ..
            } => (full_ref_name, Target::Object(tag), Some(tag)),
            Ref::Symbolic {
                full_ref_name,
                target,
                tag,
                object,
            } => {
                let target = Target::Ref(target.to_string());
                (full_ref_name, target, Some(tag.unwrap_or(object)))
            }
            Ref::Unborn {
                full_ref_name,
                target,
            } => (full_ref_name, Target::Ref(target.to_string()), None),
        };
        let name = name.to_string();
        let counts = name == "HEAD"
            || name.starts_with("refs/heads/")
            || name.starts_with("refs/tags/")
            || request.extra.contains(&name);
        if counts && gix::validate::reference::name_partial(name.as_str().into()).is_ok() {
            refs.0.insert(name, target);
            wants.extend(object);
        }
    }
    (refs, wants.into_iter().collect())
}

fn receive(
    transport: &mut Carrier,
    handshake: &mut Handshake,
    wants: Vec<ObjectId>,
    request: &Request<'_>,
) -> Result<(), FetchError> {
    let mut exchange = OneRound {
        wants,
        haves: haves(request.have),
    };
    let interrupt = AtomicBool::new(false);
    let mut kept = None;
    let options = gix::odb::pack::bundle::write::Options {
        thread_limit: Some(2),
        alloc_limit_bytes: Some(MAX_ALLOCATION),
        ..Default::default()
    };
    gix::protocol::fetch(
        &mut exchange,
        |pack, progress, interrupt| {
            let base = request.have.map(|(_, objects)| objects.new_handle());
            let written = gix::odb::pack::Bundle::write_to_directory(
                pack,
                Some(&request.dir.join("objects/pack")),
                progress,
                interrupt,
                base,
                gix::hash::Kind::Sha1,
                options,
            )?;
            kept = written.keep_path;
            Ok(true)
        },
        gix::progress::Discard,
        &interrupt,
        Context {
            handshake,
            transport,
            user_agent: agent(),
            trace_packetlines: false,
        },
        Options {
            shallow_file: request.dir.join("shallow"),
            shallow: &match NonZeroU32::new(request.depth) {
                Some(depth) => Shallow::DepthAtRemote(depth),
                None => Shallow::NoChange,
            },
            tags: Tags::None,
            reject_shallow_remote: false,
        },
    )
    .map_err(|error| received(&error))?;
    if let Some(kept) = kept {
        // Nothing collects garbage here, so the marker against that is of no use.
        let _ = std::fs::remove_file(kept);
    }
    Ok(())
}

fn haves(have: Option<(&Refs, &Objects)>) -> Vec<ObjectId> {
    let Some((refs, objects)) = have else {
        return Vec::new();
    };
    let mut seen = HashSet::new();
    let mut haves = Vec::new();
    for tip in refs.branch_tips().chain(refs.tips()) {
        let mut commit = Some(*tip);
        for _ in 0..HAVES_BEHIND_TIP {
            let Some(id) = commit else { break };
            if haves.len() == MAX_HAVES {
                return haves;
            }
            if !objects.exists(&id) || !seen.insert(id) {
                break;
            }
            haves.push(id);
            commit = objects.parents(&id).first().copied();
        }
    }
    haves
}

/// All wants and haves in a single request: what stateless servers of every make understand.
struct OneRound {
    wants: Vec<ObjectId>,
    haves: Vec<ObjectId>,
}

impl Negotiate for OneRound {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<Action> {
        Ok(Action::MustNegotiate {
            remote_ref_target_known: Vec::new(),
        })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        for id in &self.wants {
            arguments.want(id);
        }
        !self.wants.is_empty()
    }

    fn one_round(
        &mut self,
        _state: &mut one_round::State,
        arguments: &mut Arguments,
        _previous: Option<&Response>,
    ) -> gix::Result<(Round, bool)> {
        for id in &self.haves {
            arguments.have(id);
        }
        let round = Round {
            haves_sent: self.haves.len(),
            in_vain: 0,
            haves_to_send: self.haves.len(),
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}

/// Whether it was our own disk that a pack failed at, and not the server.
fn received(error: &gix::Error) -> FetchError {
    let disk = error
        .iter_errors()
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .find(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::PermissionDenied
            )
        });
    match disk {
        Some(error) => FetchError::Disk(error.to_string()),
        None => protocol(error),
    }
}

fn protocol(error: impl std::fmt::Display) -> FetchError {
    FetchError::Protocol(error.to_string())
}
