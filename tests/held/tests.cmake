# What holds the tree together and is no unit's own test: see docs/testing.md.
add_executable(held_layers held/layers_test.cpp held/layer_rules.cpp)
target_include_directories(held_layers PRIVATE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(held_layers PRIVATE FGM_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(held_layers PRIVATE fgm_flags GTest::gtest_main)
add_test(NAME held/layers COMMAND held_layers)

add_test(NAME held/format COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/held/format.cmake)
add_test(NAME held/shell COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/held/shell.cmake)
