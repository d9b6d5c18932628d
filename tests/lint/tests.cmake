# What holds the tree together and is no unit's own test: see docs/testing.md.
add_executable(lint_layers lint/layers_test.cpp lint/layer_rules.cpp)
target_include_directories(lint_layers PRIVATE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(lint_layers PRIVATE FGM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(lint_layers PRIVATE fgm_flags GTest::gtest_main)
add_test(NAME lint/layers COMMAND lint_layers)

add_test(NAME lint/format COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/lint/format.cmake)
add_test(NAME lint/shell COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/lint/shell.cmake)
