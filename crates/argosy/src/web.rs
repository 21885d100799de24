//! The web page of running controllers.

use crate::controllers::Controllers;
use crate::embedded::new_token;
use crate::session::Session;
use anyhow::Context as _;
use argosy_frame::StopHandle;
use argosy_server::{HubView, Server, ServerSettings};
use clap::Args;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::task::JoinSet;

/// Where the web page is served.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Web page")]
pub struct WebFlags {
    /// Address of the web page; port 0 is any free one
    #[arg(long, value_name = "IP:PORT", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    pub web_listen: SocketAddr,
    /// Serve no web page
    #[arg(long)]
    pub no_web: bool,
}

/// A served page.
pub struct Web {
    server: Server,
    stop: StopHandle,
    tasks: JoinSet<()>,
}

impl Web {
    /// Serves the fleet of these controllers, unless the flags say not to.
    ///
    /// # Errors
    /// Where the address cannot be bound.
    pub async fn start(
        flags: &WebFlags,
        controllers: &Controllers,
    ) -> anyhow::Result<Option<Self>> {
        if flags.no_web {
            return Ok(None);
        }
        let (handle, stop) = StopHandle::new();
        let mut tasks = JoinSet::new();
        let (hub, applications) = (controllers.hub.clone(), controllers.applications.clone());
        let view = HubView::start(hub, applications, &mut tasks, &stop);
        let settings = ServerSettings {
            listen: flags.web_listen,
            token: new_token(),
        };
        let server = Server::start(settings, view)
            .await
            .context("choose another address with --web-listen, or none with --no-web")?;
        Ok(Some(Self {
            server,
            stop: handle,
            tasks,
        }))
    }

    /// The page's address, with the token of this start.
    pub fn address(&self) -> String {
        self.server.address()
    }

    /// Says where the page is, and warns where others can reach it.
    pub fn announce(&self, session: &Session) {
        session.tell(&format!("web page    {}", self.address()));
        if !self.server.bound().ip().is_loopback() {
            session.tell(
                "warning: the web page is open to other machines, without encryption; \
                 who reads the token along the way can sync applications",
            );
        }
    }

    /// Stops serving.
    pub async fn stop(mut self) {
        self.stop.stop();
        self.server.stop().await;
        self.tasks.shutdown().await;
    }
}
