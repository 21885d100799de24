//! What goes out over HTTP, whoever asks: Git's transport, chart repositories, registries, values
//! files behind URLs.
//!
//! One place decides whom to trust ([`Trust`]), how long to wait ([`Patience`]), who gets a
//! credential ([`may_carry_credentials`]) and which redirects are followed ([`Client`]), and which
//! of Argo CD's Secrets a URL is read with ([`Credentials`]). All of it blocks: it is called from
//! threads that may.
#![warn(missing_docs)]

mod client;
mod credentials;
mod download;
mod pace;
mod proxy;
mod tls;
mod url;

pub use client::{Answer, Ask, Client, FetchError};
pub use credentials::{Credential, Credentials};
pub use download::{Download, download};
pub use pace::{Pace, jittered};
pub use proxy::Proxies;
pub use tls::{Patience, Trust, agent};
pub use url::{
    basic, comparable, host, is_scp_like, may_carry_credentials, origin, plain, redact_url,
    redirected,
};
