module argosy/oracles/gotmpl

go 1.24
