//! Whole lives of workloads, played without a server.

use crate::harness::Harness;
use crate::kinds::{Id, Kind};
use crate::options::{Failure, FailureRule, Options};
use crate::tree::{condition, int, list, text};
use argosy_object::{Value, json, meta};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn harness() -> Harness {
    Harness::new(Options::default())
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"restartPolicy": "Always", "containers": [{"name": "c", "image": image,
            "ports": [{"name": "http", "containerPort": 8080}]}]}})
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "progressDeadlineSeconds": 600, "revisionHistoryLimit": 1,
            "template": template(image)}})
}

#[test]
fn deployment_becomes_available_with_one_status_write() {
    let mut cluster = harness();
    let id = cluster.put(Kind::Deployment, deployment(2, "a:1"));
    cluster.play(2 * SECOND);
    let status = &cluster.get(&id).unwrap()["status"];
    assert_eq!(status["availableReplicas"], 2);
    assert_eq!(status["observedGeneration"], 1);
    assert!(status.get("unavailableReplicas").is_none());
    let web = cluster.get(&id).unwrap();
    assert_eq!(condition(web, "Available"), "True");
    let progressing = &list(web, "/status/conditions")[1];
    assert_eq!(progressing["reason"], "NewReplicaSetAvailable");
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let writes = cluster
        .log
        .iter()
        .filter(|l| *l == "status Deployment web")
        .count();
    assert_eq!(writes, 1, "{:?}", cluster.log);
    let done = cluster.log.len();
    cluster.play(20 * SECOND);
    assert_eq!(cluster.log.len(), done, "a steady cluster costs nothing");
    for pod in cluster.all(Kind::Pod) {
        assert_eq!(condition(pod, "Ready"), "True");
        assert!(text(pod, "/status/podIP").starts_with("10.244."));
    }
}

#[test]
fn rollout_never_goes_below_what_must_be_available() {
    let mut cluster = harness();
    let id = cluster.put(Kind::Deployment, deployment(4, "a:1"));
    cluster.play(2 * SECOND);
    cluster.patch(&id, &json!({"spec": {"template": template("a:2")}}));
    for _ in 0..100 {
        cluster.play(Duration::from_millis(50));
        let ready = cluster
            .all(Kind::Pod)
            .iter()
            .filter(|p| condition(p, "Ready") == "True" && meta(p, "deletionTimestamp").is_empty())
            .count();
        let total = cluster
            .all(Kind::Pod)
            .iter()
            .filter(|p| meta(p, "deletionTimestamp").is_empty())
            .count();
        assert!(ready >= 3 && total <= 5, "ready {ready} of {total}");
    }
    let web = cluster.get(&id).unwrap();
    assert_eq!(int(web, "/status/updatedReplicas"), 4);
    assert_eq!(int(web, "/status/replicas"), 4);
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    assert_eq!(cluster.all(Kind::ReplicaSet).len(), 2);
    // Back to the first template: the old set is used again, as revision 3.
    cluster.patch(&id, &json!({"spec": {"template": template("a:1")}}));
    cluster.play(5 * SECOND);
    assert_eq!(cluster.all(Kind::ReplicaSet).len(), 2);
    let web = cluster.get(&id).unwrap();
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "3"
    );
    cluster.patch(&id, &json!({"spec": {"template": template("a:3")}}));
    cluster.play(5 * SECOND);
    assert_eq!(
        cluster.all(Kind::ReplicaSet).len(),
        2,
        "history is limited to one"
    );
}

#[test]
fn recreate_lets_old_pods_go_first() {
    let mut cluster = harness();
    let mut web = deployment(2, "a:1");
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    let id = cluster.put(Kind::Deployment, web);
    cluster.play(2 * SECOND);
    cluster.patch(&id, &json!({"spec": {"template": template("a:2")}}));
    for _ in 0..40 {
        cluster.play(Duration::from_millis(50));
        let mut images: Vec<&str> = cluster
            .all(Kind::Pod)
            .iter()
            .map(|pod| text(pod, "/spec/containers/0/image"))
            .collect();
        images.dedup();
        assert!(images.len() <= 1, "{images:?}");
    }
    assert_eq!(
        int(cluster.get(&id).unwrap(), "/status/availableReplicas"),
        2
    );
}

#[test]
fn scaling_down_and_deleting_take_the_pods() {
    let mut cluster = harness();
    let id = cluster.put(Kind::Deployment, deployment(3, "a:1"));
    cluster.play(2 * SECOND);
    cluster.patch(&id, &json!({"spec": {"replicas": 1}}));
    cluster.play(3 * SECOND);
    assert_eq!(cluster.all(Kind::Pod).len(), 1);
    assert_eq!(int(cluster.get(&id).unwrap(), "/status/replicas"), 1);
    cluster.delete(&id, None);
    cluster.play(3 * SECOND);
    assert!(cluster.all(Kind::Pod).is_empty() && cluster.all(Kind::ReplicaSet).is_empty());
}

#[test]
fn failing_image_is_told_and_times_out() {
    let rule = FailureRule {
        image: "broken".into(),
        failure: Failure::ImagePullBackOff,
    };
    let mut cluster = Harness::new(Options {
        failures: vec![rule],
        ..Options::default()
    });
    let mut web = deployment(1, "acme/broken:1");
    web["spec"]["progressDeadlineSeconds"] = 5.into();
    let id = cluster.put(Kind::Deployment, web);
    cluster.play(2 * SECOND);
    let pod = cluster.all(Kind::Pod)[0];
    assert_eq!(
        text(pod, "/status/containerStatuses/0/state/waiting/reason"),
        "ImagePullBackOff"
    );
    assert_eq!(condition(cluster.get(&id).unwrap(), "Available"), "False");
    cluster.play(10 * SECOND);
    let web = cluster.get(&id).unwrap();
    assert_eq!(condition(web, "Progressing"), "False");
    assert!(
        list(web, "/status/conditions")
            .iter()
            .any(|c| c["reason"] == "ProgressDeadlineExceeded")
    );
    cluster.patch(&id, &json!({"spec": {"template": template("good:1")}}));
    cluster.play(5 * SECOND);
    assert_eq!(condition(cluster.get(&id).unwrap(), "Available"), "True");
}

fn stateful_set() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
        "spec": {"replicas": 3, "serviceName": "db", "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": {"app": "web"}}, "template": template("db:1"),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
                "resources": {"requests": {"storage": "1Gi"}}}}]}})
}

#[test]
fn stateful_set_starts_in_order_and_updates_from_the_end() {
    let mut cluster = harness();
    let id = cluster.put(Kind::StatefulSet, stateful_set());
    cluster.play(Duration::from_millis(200));
    assert_eq!(
        cluster.all(Kind::Pod).len(),
        1,
        "the second waits for the first"
    );
    cluster.play(3 * SECOND);
    let names: Vec<&str> = cluster
        .all(Kind::Pod)
        .iter()
        .map(|p| meta(p, "name"))
        .collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    let claims = cluster.all(Kind::Claim);
    assert_eq!(claims.len(), 3);
    assert!(
        claims
            .iter()
            .all(|claim| text(claim, "/status/phase") == "Bound")
    );
    let set = cluster.get(&id).unwrap();
    assert_eq!(int(set, "/status/readyReplicas"), 3);
    assert_eq!(
        set["status"]["currentRevision"],
        set["status"]["updateRevision"]
    );
    cluster.log.clear();
    cluster.patch(&id, &json!({"spec": {"template": template("db:2")}}));
    cluster.play(10 * SECOND);
    let gone: Vec<&String> = cluster
        .log
        .iter()
        .filter(|l| l.starts_with("delete Pod"))
        .collect();
    assert!(
        gone[0].ends_with("db-2") && gone.last().unwrap().ends_with("db-0"),
        "{gone:?}"
    );
    let set = cluster.get(&id).unwrap();
    assert_eq!(int(set, "/status/updatedReplicas"), 3);
    assert_eq!(
        set["status"]["currentRevision"],
        set["status"]["updateRevision"]
    );
}

#[test]
fn claim_and_volume_go_together() {
    let mut cluster = harness();
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "finalizers": ["kubernetes.io/pvc-protection"]},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
            "resources": {"requests": {"storage": "1Gi"}}}});
    let id = cluster.put(Kind::Claim, claim);
    cluster.play(SECOND);
    assert_eq!(
        text(cluster.get(&id).unwrap(), "/status/capacity/storage"),
        "1Gi"
    );
    assert_eq!(text(cluster.all(Kind::Volume)[0], "/status/phase"), "Bound");
    cluster.delete(&id, None);
    cluster.play(SECOND);
    assert!(cluster.get(&id).is_none() && cluster.all(Kind::Volume).is_empty());
    let mut other = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "x"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "storageClassName": "missing", "resources": {"requests": {"storage": "1Gi"}}}});
    other["status"] = json!({"phase": "Pending"});
    let id = cluster.put(Kind::Claim, other);
    cluster.play(SECOND);
    assert_eq!(text(cluster.get(&id).unwrap(), "/status/phase"), "Pending");
}

#[test]
fn daemon_set_has_a_pod_on_each_node() {
    let mut cluster = Harness::new(Options {
        nodes: 3,
        ..Options::default()
    });
    let set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template("agent:1"),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}});
    let id = cluster.put(Kind::DaemonSet, set);
    cluster.play(2 * SECOND);
    let set = cluster.get(&id).unwrap();
    assert_eq!(int(set, "/status/numberAvailable"), 3);
    cluster.patch(&id, &json!({"spec": {"template": template("agent:2")}}));
    cluster.play(10 * SECOND);
    assert_eq!(
        int(cluster.get(&id).unwrap(), "/status/updatedNumberScheduled"),
        3
    );
    assert_eq!(cluster.all(Kind::Pod).len(), 3);
}

fn job(name: &str, spec: Value) -> Value {
    let mut template = template("work:1");
    template["spec"]["restartPolicy"] = "Never".into();
    let mut all = json!({"parallelism": 2, "completions": 3, "backoffLimit": 1,
        "completionMode": "NonIndexed", "template": template});
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": all})
}

#[test]
fn job_completes_and_goes_after_its_time() {
    let mut cluster = harness();
    let id = cluster.put(Kind::Job, job("j", json!({"ttlSecondsAfterFinished": 60})));
    cluster.play(5 * SECOND);
    let done = cluster.get(&id).unwrap();
    assert_eq!(condition(done, "Complete"), "True");
    assert_eq!(int(done, "/status/succeeded"), 3);
    assert_eq!(cluster.all(Kind::Pod).len(), 3);
    cluster.play(120 * SECOND);
    assert!(cluster.get(&id).is_none() && cluster.all(Kind::Pod).is_empty());
}

#[test]
fn indexed_job_runs_each_index_once() {
    let mut cluster = harness();
    let id = cluster.put(Kind::Job, job("j", json!({"completionMode": "Indexed"})));
    cluster.play(5 * SECOND);
    let done = cluster.get(&id).unwrap();
    assert_eq!(text(done, "/status/completedIndexes"), "0-2");
    assert_eq!(cluster.all(Kind::Pod).len(), 3);
}

#[test]
fn job_fails_after_its_limit() {
    let rule = FailureRule {
        image: "work".into(),
        failure: Failure::Error,
    };
    let mut cluster = Harness::new(Options {
        failures: vec![rule],
        ..Options::default()
    });
    let id = cluster.put(
        Kind::Job,
        job("j", json!({"parallelism": 1, "completions": 1})),
    );
    cluster.play(10 * SECOND);
    let failed = cluster.get(&id).unwrap();
    assert_eq!(condition(failed, "Failed"), "True");
    assert_eq!(int(failed, "/status/failed"), 2);
    assert!(
        list(failed, "/status/conditions")
            .iter()
            .any(|c| c["reason"] == "BackoffLimitExceeded")
    );
}

#[test]
fn cron_job_makes_jobs_on_time_and_keeps_a_few() {
    let mut cluster = harness();
    let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
        "spec": {"schedule": "* * * * *", "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 2,
            "jobTemplate": {"spec": job("x", json!({}))["spec"]}}});
    let id = cluster.put(Kind::CronJob, cron);
    cluster.play(20 * SECOND);
    assert!(cluster.all(Kind::Job).is_empty(), "the minute has not come");
    cluster.play(300 * SECOND);
    assert_eq!(cluster.all(Kind::Job).len(), 2);
    assert_eq!(
        text(cluster.get(&id).unwrap(), "/status/lastScheduleTime"),
        "2026-11-23T12:05:00Z"
    );
    let made = cluster
        .log
        .iter()
        .filter(|l| l.starts_with("create Job"))
        .count();
    assert_eq!(made, 5);
}

#[test]
fn service_gets_endpoints_of_ready_pods() {
    let mut cluster = harness();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"},
            "ports": [{"port": 80, "targetPort": "http", "protocol": "TCP"}]}});
    let id = cluster.put(Kind::Service, service);
    cluster.put(Kind::Deployment, deployment(2, "a:1"));
    cluster.play(2 * SECOND);
    let slice = cluster.all(Kind::EndpointSlice)[0];
    assert_eq!(slice["ports"][0]["port"], 8080);
    assert_eq!(list(slice, "/endpoints").len(), 2);
    assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
    assert_eq!(
        list(cluster.all(Kind::Endpoints)[0], "/subsets/0/addresses").len(),
        2
    );
    assert!(
        !text(
            cluster.get(&id).unwrap(),
            "/status/loadBalancer/ingress/0/ip"
        )
        .is_empty()
    );
    let writes = cluster
        .log
        .iter()
        .filter(|l| l.contains("EndpointSlice"))
        .count();
    assert_eq!(writes, 1, "{:?}", cluster.log);
    cluster.delete(&id, None);
    cluster.play(2 * SECOND);
    assert!(cluster.all(Kind::Endpoints).is_empty(), "they go with it");
}

#[test]
fn budget_quota_and_scaler_know_the_pods() {
    let mut cluster = harness();
    let budget = cluster.put(
        Kind::Budget,
        json!({"metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}),
    );
    let quota = cluster.put(
        Kind::Quota,
        json!({"metadata": {"name": "q"},
        "spec": {"hard": {"pods": "10", "services": "2"}}}),
    );
    let scaler = cluster.put(
        Kind::Autoscaler,
        json!({"metadata": {"name": "h"},
        "spec": {"minReplicas": 3, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 80}}}]}}),
    );
    cluster.put(Kind::Deployment, deployment(2, "a:1"));
    cluster.play(5 * SECOND);
    let budget = cluster.get(&budget).unwrap();
    assert_eq!(int(budget, "/status/disruptionsAllowed"), 2);
    assert_eq!(int(budget, "/status/expectedPods"), 3);
    assert_eq!(text(cluster.get(&quota).unwrap(), "/status/used/pods"), "3");
    let scaler = cluster.get(&scaler).unwrap();
    assert_eq!(int(scaler, "/status/currentReplicas"), 3);
    assert_eq!(condition(scaler, "AbleToScale"), "True");
}

#[test]
fn lone_pod_is_bound_and_unschedulable_one_says_why() {
    let mut cluster = harness();
    let pod = |name: &str, selector: Value| {
        json!({"metadata": {"name": name},
            "spec": {"nodeSelector": selector, "containers": [{"name": "c", "image": "a:1"}]}})
    };
    let good = cluster.put(Kind::Pod, pod("good", json!({})));
    let bad = cluster.put(Kind::Pod, pod("bad", json!({"disk": "gold"})));
    cluster.play(2 * SECOND);
    assert_eq!(
        text(cluster.get(&good).unwrap(), "/spec/nodeName"),
        "node-1"
    );
    assert_eq!(condition(cluster.get(&good).unwrap(), "Ready"), "True");
    assert_eq!(
        condition(cluster.get(&bad).unwrap(), "PodScheduled"),
        "False"
    );
    let node = Id {
        kind: Kind::Node,
        namespace: String::new(),
        name: "node-1".into(),
    };
    cluster.patch(&node, &json!({"metadata": {"labels": {"disk": "gold"}}}));
    cluster.play(2 * SECOND);
    assert_eq!(condition(cluster.get(&bad).unwrap(), "Ready"), "True");
}
