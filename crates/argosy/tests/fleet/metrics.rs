//! What can be watched from outside: health, readiness, metrics.

use crate::harness::config_map;
use crate::program::embedded;
use argosy::metrics::{Listen, Metrics};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Status line, headers and body of a GET.
async fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_applications_operations_queues_and_stages() {
    let fleet = embedded(&["eu-1"]).await;
    let listen = Listen::parse("127.0.0.1:0").unwrap();
    let metrics = Metrics::start(listen, &fleet.running().controllers)
        .await
        .unwrap()
        .unwrap();
    let url = metrics.url();
    assert!(get(&url, "/healthz").await.starts_with("HTTP/1.1 200 OK"));
    fleet
        .until("readiness", || async {
            get(&url, "/readyz")
                .await
                .starts_with("HTTP/1.1 200 OK")
                .then_some(())
        })
        .await;
    fleet.repository("shop", &[("good/map.yaml", &config_map("one", "v1"))]);
    let good = fleet.application("good", "shop", "good", "eu-1");
    fleet.create(good).await;
    fleet.well("good").await;
    let wanted = [
        "argocd_app_info{namespace=\"argocd\",name=\"good\",project=\"default\",\
         repo=\"https://gitlab.internal/shop\",dest_server=\"\",dest_namespace=\"default\",\
         sync_status=\"Synced\",health_status=\"Healthy\",operation=\"\",autosync_enabled=\"true\"} 1",
        "argocd_app_sync_total{namespace=\"argocd\",name=\"good\",project=\"default\",\
         dest_server=\"\",phase=\"Succeeded\",dry_run=\"false\"} 1",
        "workqueue_depth{name=\"app_reconciliation_queue\"} ",
        "workqueue_depth{name=\"applicationset\"} ",
    ];
    let stages = [
        "source", "render", "desired", "live", "compare", "plan", "apply", "health", "report",
    ];
    let text = fleet
        .until("all metrics", || async {
            let text = get(&url, "/metrics").await;
            let has = |stage: &&str| {
                text.contains(&format!("argosy_stage_seconds_count{{phase=\"{stage}\"}} "))
            };
            let is_whole =
                wanted.iter().all(|line| text.contains(line)) && stages.iter().all(|s| has(&s));
            is_whole.then_some(text)
        })
        .await;
    assert!(
        text.contains("content-type: application/openmetrics-text"),
        "{text}"
    );
    assert!(
        text.contains("argosy_stage_seconds_bucket{le=\"+Inf\",phase=\"render\"} "),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(get(&url, "/else").await.starts_with("HTTP/1.1 404"));

    fleet.delete_application("good").await;
    fleet
        .until("the end of the Application's metrics", || async {
            (!get(&url, "/metrics").await.contains("name=\"good\"")).then_some(())
        })
        .await;
    drop(metrics);
    fleet.stop().await;
}
