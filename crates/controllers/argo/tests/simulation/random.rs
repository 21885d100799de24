//! The key for random functions: made once, the same for all who come after.

use crate::clock::HostClock;
use crate::ground::ground;
use argosy_argo::{RandomKeyError, make_random_key, random_key};
use argosy_kube::Client;
use argosy_object::{Gvk, Object, json};
use argosy_ports::{Api, Resource, WriteOptions};
use argosy_render::{Request, Seed};
use std::sync::Arc;

fn digest(seed: Seed) -> argosy_object::Digest {
    let seed = seed.of_application("argocd", "shop");
    Request {
        seed,
        ..Request::default()
    }
    .digest()
}

#[test]
fn key_is_made_once_and_what_is_no_key_is_refused() {
    let ground = ground(); // made on a runtime of its own, before this one's
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_, server) = ground.serve(true, Arc::new(HostClock::new())).await;
        let client = Client::new("https://hub", server.service());
        assert!(random_key(&client, "argocd").await.unwrap().is_none());
        let made = make_random_key(&client, "argocd", [1; 32]).await.unwrap();
        let second = make_random_key(&client, "argocd", [2; 32]).await.unwrap();
        let read = random_key(&client, "argocd").await.unwrap().unwrap();
        assert_eq!(digest(made.clone()), digest(second));
        assert_eq!(digest(made.clone()), digest(read));
        assert_ne!(digest(made.clone()), digest(Seed::default()));
        let [shop, other] = ["shop", "other"].map(|name| {
            let seed = made.of_application("argocd", name);
            Request {
                seed,
                ..Request::default()
            }
            .digest()
        });
        assert_ne!(shop, other);
        assert!(!format!("{made:?}").contains("0101"), "{made:?}");

        let secrets = Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true);
        let empty = Object::from_trusted(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "argosy-random", "namespace": "default"}}));
        let options = WriteOptions::default();
        client.create(&secrets, &empty, &options).await.unwrap();
        let refused = make_random_key(&client, "default", [1; 32]).await;
        assert!(matches!(refused, Err(RandomKeyError::NoKey)), "{refused:?}");
    });
}
