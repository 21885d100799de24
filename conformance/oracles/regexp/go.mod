module argosy/oracle/regexp

go 1.24
