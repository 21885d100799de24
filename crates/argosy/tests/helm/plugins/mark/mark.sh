# Says in each object which arguments it was called with, and adds one of its own.
sed "s|^metadata:|metadata:\n  # marked\n  generation: 1 # by $*|"
printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-%s}\n' "$1"
