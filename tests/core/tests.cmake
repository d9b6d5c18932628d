fgm_add_test(core/base/error_test DEPS fgm::base)
fgm_add_test(core/base/rng_test LABELS bits DEPS fgm::base)
fgm_add_test(core/base/text_test DEPS fgm::base)
fgm_add_test(core/fgm/fgm_loss_test LABELS bits DEPS fgm::fgm)
fgm_add_test(core/fgm/fgm_step_test LABELS bits DEPS fgm::fgm fgm::optim)
fgm_add_test(core/fgm/flow_schedule_test DEPS fgm::fgm fgm::io)
fgm_add_test(core/fgm/flow_test LABELS bits DEPS fgm::fgm)
fgm_add_test(core/train/trainer_test DEPS fgm::train)

