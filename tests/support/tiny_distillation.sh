# What a distillation of a few milliseconds a step reads. Sourced by tests in bash.

# make_tiny_inputs FGM: tiny.cfg, shapes.h5, held_out.h5 and an untrained teacher, in the current folder.
make_tiny_inputs() {
  cat >tiny.cfg <<'END'
[run]
threads = 1
sample_every = 0
log_every = 1000
[model]
depth = 1
num_heads = 2
head_width = 16
[train]
batch = 8
[method]
batch = 8
END
  "$1" data shapes --shapes.count 60 --shapes.held_out_count 26 --out shapes.h5 --held-out held_out.h5
  "$1" train --config tiny.cfg --run teacher --data.store shapes.h5 --steps 1
}
