# SPDX-License-Identifier: MIT

# troupe_sources(VAR pattern...): the files of the project that match, as absolute paths
function(troupe_sources var)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE patterns)
  file(GLOB found CONFIGURE_DEPENDS ${patterns})
  set(${var} ${found} PARENT_SCOPE)
endfunction()

# troupe_target(NAME): the language, the warnings and the sanitizers that every target of ours is built with
function(troupe_target name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> $<$<BOOL:${TROUPE_WERROR}>:-Werror>)
  target_compile_definitions(${name} PRIVATE TROUPE_VERSION="${PROJECT_VERSION}")
  if(TROUPE_SANITIZE)
    # null and vptr: CAF's headers form references to unset members, and libcaf itself is not instrumented
    set(flags -fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer)
    if(TROUPE_SANITIZE MATCHES undefined)
      list(APPEND flags -fno-sanitize=null,vptr -fno-sanitize-recover=undefined)
    endif()
    target_compile_options(${name} PRIVATE ${flags})
    target_link_options(${name} PUBLIC -fsanitize=${TROUPE_SANITIZE})
  endif()
endfunction()
