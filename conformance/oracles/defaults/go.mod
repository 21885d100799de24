module argosy.dev/oracles/defaults

go 1.26
