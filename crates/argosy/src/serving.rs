//! What `up` and `run` serve beside their work: the web page and the metrics.

use crate::controllers::Controllers;
use crate::metrics::{Listen, Metrics};
use crate::session::Session;
use crate::web::{Web, WebFlags};
use clap::Args;

/// Where the metrics and the web page are served.
#[derive(Args, Clone, Copy, Debug)]
pub struct ServingFlags {
    /// Where /healthz, /readyz and /metrics are served: an address of the loopback, or off
    #[arg(long, value_name = "IP:PORT|off", default_value = "127.0.0.1:0", value_parser = Listen::parse)]
    pub metrics_listen: Listen,
    /// The web page's own.
    #[command(flatten)]
    pub web: WebFlags,
}

/// What is served, until it is stopped.
pub struct Serving {
    web: Option<Web>,
    metrics: Option<Metrics>,
}

impl Serving {
    /// Serves what the flags ask for, and says where.
    ///
    /// # Errors
    /// Where an address cannot be bound.
    pub async fn start(
        flags: &ServingFlags,
        controllers: &Controllers,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let web = Web::start(&flags.web, controllers).await?;
        if let Some(web) = &web {
            web.announce(session);
        }
        let metrics = Metrics::start(flags.metrics_listen, controllers).await?;
        if let Some(metrics) = &metrics {
            session.tell(&format!("metrics     {}/metrics", metrics.url()));
        }
        Ok(Self { web, metrics })
    }

    /// Stops serving.
    pub async fn stop(self) {
        drop(self.metrics);
        if let Some(web) = self.web {
            web.stop().await;
        }
    }
}
