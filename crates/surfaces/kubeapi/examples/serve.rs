//! Serves one in-memory API on a loopback port and prints a kubeconfig for it:
//! `cargo run -p argosy-kubeapi --example serve -- [PORT] [KUBECONFIG]`.

use argosy_kubeapi::auth::{authn::StaticTokens, tokens::TokenKey};
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{ApiServer, HistoryLimits, Listener, MemoryStorage, Router, Shared};
use argosy_ports::SystemTime;
use argosy_schema::Schemas;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let path = arguments.next().unwrap_or_else(|| "kubeconfig".into());
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens: Arc::new(StaticTokens::default()),
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::HUB));
    let server = ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .start()
        .await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: hub\n\
         clusters:\n- name: hub\n  cluster:\n    server: http://{address}\n\
         contexts:\n- name: hub\n  context:\n    cluster: hub\n    user: admin\n\
         users:\n- name: admin\n  user: {{}}\n"
    );
    std::fs::write(&path, kubeconfig)?;
    eprintln!("serving http://{address}, kubeconfig in {path}");
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    Listener::new(listener, Router::new(server), None)
        .run(stopped)
        .await;
    Ok(())
}
