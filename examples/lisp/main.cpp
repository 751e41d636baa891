// SPDX-License-Identifier: Apache-2.0
// lisp [--check] [--no-collector] [script...]: runs scripts, or what is typed.
//   --check         fails if an object is left when all is over
//   --no-collector  counted references alone
#include <hoop/hoop.h>

#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter.h"
#include "reader.h"

namespace {

struct Options {
  bool check = false;
  bool collector = true;
  std::vector<std::string> scripts;
};

Options options_from(int count, char** words) {
  Options options;
  for (const std::string_view word : std::vector<std::string>(words + 1, words + count)) {
    if (word == "--check") {
      options.check = true;
    } else if (word == "--no-collector") {
      options.collector = false;
    } else {
      options.scripts.emplace_back(word);
    }
  }
  return options;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw lisp::Error("cannot read " + path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

bool run_scripts(hoop::Heap& heap, const std::vector<std::string>& scripts) {
  lisp::Interpreter interpreter(heap, std::cout);
  for (const std::string& path : scripts) {
    try {
      interpreter.run(content_of(path));
    } catch (const lisp::Error& error) {
      std::cerr << path << ": " << error.what() << '\n';
      return false;
    }
  }
  return true;
}

// True: the text was complete.
bool run_typed(lisp::Interpreter& interpreter, const std::string& text) {
  try {
    std::cout << lisp::text(interpreter.run(text)) << '\n';
  } catch (const lisp::Incomplete&) {
    return false;
  } catch (const lisp::Error& error) {
    std::cout << "error: " << error.what() << '\n';
  }
  return true;
}

void read_evaluate_print(hoop::Heap& heap) {
  lisp::Interpreter interpreter(heap, std::cout);
  std::string text;
  std::string line;
  while (std::cout << (text.empty() ? "> " : ". ") << std::flush, std::getline(std::cin, line)) {
    text += line + '\n';
    if (text == "\n" || run_typed(interpreter, text)) text.clear();
  }
  std::cout << '\n';
}

void print_error(const hoop::Error& error) {
  try {
    std::rethrow_exception(error.exception);
  } catch (const std::exception& exception) {
    std::cerr << "in a finalizer or a callback: " << exception.what() << '\n';
  }
}

// Nothing but cycles can be left when the interpreter is gone, and no cycle after a collection.
bool is_empty(hoop::Heap& heap) {
  const hoop::HeapReport report = heap.report();
  if (report.objects == 0) return true;
  std::cerr << report.objects << " objects are left\n" << report.text();
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = options_from(argc, argv);
  hoop::Heap heap({.automatic = options.collector});
  heap.set_error_handler(print_error);
  bool good = true;
  if (options.scripts.empty()) {
    read_evaluate_print(heap);
  } else {
    good = run_scripts(heap, options.scripts);
  }
  if (options.collector) heap.collect();
  if (options.check && !is_empty(heap)) good = false;
  return good ? 0 : 1;
}
