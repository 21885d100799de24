//! TOML for `toToml` and `fromToml`: what charts write into configuration files and read from
//! them.

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_gotmpl::gofmt;

    #[test]
    fn documents_are_read() {
        let text = "a = 1 # one\nb.c = \"x\\u00e9\"\n'q.k' = '''\nraw\\n'''\n[t.u]\nf = 1.5e3\n\
                    l = [1,\n 2, # two\n]\ni = {x = true, y = [ {z = 0x1F} ]}\n\
                    [[arr]]\nn = -1_000\n[[arr]]\n[arr.sub]\nk = inf\n";
        let value = read(text).expect("it parses");
        assert_eq!(
            gofmt::sprint(&[value]).to_string(),
            "map[a:1 arr:[map[n:-1000] map[sub:map[k:+Inf]]] b:map[c:xé] q.k:raw\\n \
             t:map[u:map[f:1500 i:map[x:true y:[map[z:31]]] l:[1 2]]]]"
        );
    }

    #[test]
    fn faults_are_named_with_their_line() {
        for text in [
            "a",
            "a = ",
            "a = 1 b = 2",
            "[a",
            "a = 1\na = 2",
            "a = [1",
            "a = \"x",
            "a = 1\n[a]",
            "a = 01",
        ] {
            assert!(
                read(text).is_err_and(|error| error.starts_with("toml: line ")),
                "{text}"
            );
        }
        assert!(read(&format!("a = {}", "[".repeat(100_000))).is_err());
    }
}
