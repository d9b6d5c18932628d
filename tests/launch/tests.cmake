fgm_add_test(core/config/fields_test DEPS fgm::config)
fgm_add_test(core/config/ini_test DEPS fgm::config)
fgm_add_test(core/config/validate_test DEPS fgm::config)
