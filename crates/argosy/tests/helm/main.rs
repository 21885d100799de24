//! helm 4.1.4 and `argosy helm` do the same to the same charts: what they print, what they record,
//! what they leave in the cluster; on the embedded API and on a real kube-apiserver.

mod hostile;
mod life;
mod postrender;
mod program;
mod server;
mod state;

mod on_the_embedded_api {
    use crate::server::Ground;
    use crate::{hostile, life};

    #[tokio::test(flavor = "multi_thread")]
    async fn releases_live_as_with_helm() {
        life::releases_live_as_with_helm(Ground::Embedded).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_program_goes_on_with_the_others_releases() {
        life::each_program_goes_on_with_the_others_releases(Ground::Embedded).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn commands_of_the_page_run() {
        life::commands_of_the_page_run(Ground::Embedded).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn strange_records_harm_nothing() {
        hostile::strange_records_harm_nothing(Ground::Embedded).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_killed_program_leaves_a_pending_release() {
        hostile::a_killed_program_leaves_a_pending_release(Ground::Embedded).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_interrupt_is_recorded() {
        hostile::an_interrupt_is_recorded(Ground::Embedded).await;
    }
}

mod on_a_real_api_server {
    use crate::life;
    use crate::server::Ground;

    #[tokio::test(flavor = "multi_thread")]
    async fn releases_live_as_with_helm() {
        life::releases_live_as_with_helm(Ground::Real).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_program_goes_on_with_the_others_releases() {
        life::each_program_goes_on_with_the_others_releases(Ground::Real).await;
    }
}
