# Writes OUT, a C++ file that holds the JSON files FILES (separated by |) of FOLDER
# as string constants, in their order, behind functions NAMES and TEXT that
# amp/Policy/HEADER.h declares.
string(REPLACE "|" ";" files "${FILES}")
set(text "// Generated from lib/Policy/${FOLDER}. Do not edit.\n\n")
string(APPEND text "#include \"amp/Policy/${HEADER}.h\"\n\n")
string(APPEND text "static constexpr struct {\n  const char *name;\n  const char *text;\n} files[] = {\n")
foreach(file ${files})
  get_filename_component(name "${file}" NAME)
  string(REGEX REPLACE "\\.json$" "" name "${name}")
  file(READ "${file}" contents)
  string(APPEND text "    {\"${name}\", R\"AMP(${contents})AMP\"},\n")
endforeach()
string(APPEND text "};\n\n")
string(APPEND text "std::vector<std::string_view> amp::${NAMES}() {\n  std::vector<std::string_view> names;\n  for (const auto &file : files)\n    names.push_back(file.name);\n  return names;\n}\n\n")
string(APPEND text "std::string_view amp::${TEXT}(std::string_view name) {\n  for (const auto &file : files)\n    if (name == file.name)\n      return file.text;\n  return {};\n}\n")
file(WRITE "${OUT}" "${text}")
