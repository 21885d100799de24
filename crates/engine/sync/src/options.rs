//! Sync options: of an application, and of one object, which go before.

use argosy_crds::names;
use argosy_object::Object;

/// The options that hold for one object.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ObjectOptions {
    options: Vec<String>,
    from_application: Vec<String>,
}

impl ObjectOptions {
    /// The options of `object` within an application that has `application` options.
    pub fn new(object: &Object, application: &[String]) -> Self {
        let own = object.annotation(names::SYNC_OPTIONS).unwrap_or("");
        Self {
            options: own
                .split(',')
                .map(|option| option.trim().to_owned())
                .filter(|option| !option.is_empty())
                .collect(),
            from_application: application.to_vec(),
        }
    }

    /// The value of `name`: the object's own, else the application's.
    pub fn get(&self, name: &str) -> Option<&str> {
        [&self.options, &self.from_application]
            .into_iter()
            .find_map(|options| {
                options.iter().find_map(|option| {
                    option
                        .split_once('=')
                        .filter(|(key, _)| *key == name)
                        .map(|(_, value)| value)
                })
            })
    }

    /// The object's own value of `name`.
    pub fn own(&self, name: &str) -> Option<&str> {
        self.options.iter().find_map(|option| {
            option
                .split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
        })
    }

    /// Whether `name` is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// Whether the object is kept when it leaves Git or its application is deleted.
    pub fn keeps_on_delete(&self, object: &Object) -> bool {
        self.own("Delete") == Some("false")
            || object.annotation(names::HELM_RESOURCE_POLICY) == Some("keep")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn own_option_goes_before_the_applications() {
        let object = Object::new(
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"annotations":
            {names::SYNC_OPTIONS: "ServerSideApply=false, Prune=false"}}}),
        )
        .unwrap();
        let options = ObjectOptions::new(&object, &["ServerSideApply=true".into()]);
        assert!(!options.is("ServerSideApply"));
        assert_eq!(options.get("Prune"), Some("false"));
    }
}
