#!/usr/bin/env bash
# browser_test.sh FGM FOLDER: a headless browser opens the page that `fgm report` writes of a real run, draws its curves
# and images, and asks for nothing else. Exits with 77, which CTest reads as skipped, where there is no browser.
set -euo pipefail
readonly fgm=$1 folder=$2

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]]; then
  echo "skipped: no chromium here ('apt-get install chromium' brings one)"
  exit 77
fi
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
"$fgm" data shapes --shapes.count 20 --shapes.held_out_count 12 --out scenes.h5 --held-out held_out.h5
"$fgm" train --run 'run <1>' --data.store scenes.h5 --steps 3 --train.batch 4 --run.threads 1 --run.sample_every 2 \
  --run.eval_every 2 --run.eval_reference held_out.h5 --model.depth 1 --model.num_heads 2
"$fgm" report 'run <1>' --out page.html

# One line for each thing that must be there once the browser has drawn the page.
cat page.html - >probe.html <<'PROBE'
<script>
  addEventListener("load", () => {
    const widths = [...document.querySelectorAll("polyline")].map((line) => line.getBoundingClientRect().width);
    const image = document.querySelector("img");
    const asked = performance.getEntriesByType("resource").filter((entry) => !entry.name.startsWith("data:"));
    document.title = ["line", Math.max(...widths) > 200, "image", image.complete && image.naturalWidth > 300,
                      "name", document.querySelector("td").textContent, "asked", asked.length].join(" ");
  });
</script>
PROBE
open_page() { timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" "$@"; }
open_page --dump-dom "file://$folder/probe.html" >drawn.html 2>browser.log || { cat browser.log; exit 1; }
open_page --screenshot="$folder/page.png" --window-size=1400,1600 "file://$folder/page.html" 2>browser.log
title=$(sed -n 's|.*<title>\(line .*\)</title>.*|\1|p' drawn.html)
if [[ $title != "line true image true name run &lt;1&gt; asked 0" ]]; then
  echo "the browser says: '$title'"
  exit 1
fi
[[ -s page.png ]]
