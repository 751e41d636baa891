// SPDX-License-Identifier: Apache-2.0
#include "os/proc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/child.h"
#include "cpp/support/seccomp.h"
#include "os/pages.h"

namespace hoop::os {
namespace {

struct SeenMapping {
  Mapping facts;
  std::string path;
};

std::vector<SeenMapping> all_mappings() {
  std::vector<SeenMapping> seen;
  seen.reserve(4096);
  const bool read = for_each_mapping(
      [](void* context, const Mapping& mapping) {
        static_cast<std::vector<SeenMapping>*>(context)->push_back({mapping, mapping.path});
      },
      &seen);
  EXPECT_TRUE(read);
  return seen;
}

const SeenMapping* mapping_of(const std::vector<SeenMapping>& mappings, const void* pointer) {
  const auto address = reinterpret_cast<Address>(pointer);
  for (const SeenMapping& mapping : mappings) {
    if (mapping.facts.start <= address && address < mapping.facts.end) return &mapping;
  }
  return nullptr;
}

// A file with one page of content, removed at the end.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& name) {
    char root[] = "/tmp/hoop_proc_test_XXXXXX";
    root_ = ::mkdtemp(root);
    path_ = root_ + "/" + name;
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0 || ::ftruncate(descriptor_, kPageBytes) != 0) std::abort();
  }
  ~ScratchFile() {
    if (mapped_ != nullptr) ::munmap(mapped_, kPageBytes);
    ::close(descriptor_);
    ::unlink(path_.c_str());
    ::rmdir(root_.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  void* map() {
    mapped_ = ::mmap(nullptr, kPageBytes, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    return mapped_;
  }
  void write(const char* text) { std::ignore = ::pwrite(descriptor_, text, std::strlen(text), 0); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string root_;
  std::string path_;
  int descriptor_ = -1;
  void* mapped_ = nullptr;
};

TEST(ReadFile, ReadsWhatFits) {
  ScratchFile file("plain");
  file.write("hoopsnake");
  char buffer[16];
  ASSERT_EQ(read_file(file.path().c_str(), buffer, 4), 4u);
  EXPECT_EQ(std::string(buffer, 4), "hoop");
  ASSERT_EQ(read_file(file.path().c_str(), buffer, 9), 9u);
  EXPECT_EQ(std::string(buffer, 9), "hoopsnake");
}

TEST(ReadFile, OfNothingIsEmptyAndKeepsErrno) {
  char buffer[16];
  errno = 77;
  EXPECT_EQ(read_file("/nowhere/at/all", buffer, sizeof buffer), 0u);
  EXPECT_EQ(read_file("/tmp", buffer, sizeof buffer), 0u);
  EXPECT_EQ(errno, 77);
}

TEST(ReadMemoryUse, SeesAMappingAndItsMemory) {
  const MemoryUse before = read_memory_use();
  ASSERT_GT(before.resident_bytes, 0u);
  ASSERT_GE(before.virtual_bytes, before.resident_bytes);
  auto* const start = static_cast<char*>(map(16 * kMiB));
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(read_memory_use().virtual_bytes, before.virtual_bytes + 16 * kMiB);
  std::memset(start, 1, 16 * kMiB);
  const std::size_t grown = read_memory_use().resident_bytes - before.resident_bytes;
  // The kernel counts resident pages per processor and adds them up late.
  EXPECT_GE(grown, 15 * kMiB);
  if (!testing::kSanitized) {
    EXPECT_LE(grown, 17 * kMiB) << "sanitizers have pages of their own";
  }
  unmap(start, 16 * kMiB);
}

TEST(ReadPeakResidentBytes, RemembersWhatWasGivenBack) {
  auto* const start = static_cast<char*>(map(64 * kMiB));
  ASSERT_NE(start, nullptr);
  std::memset(start, 1, 64 * kMiB);
  unmap(start, 64 * kMiB);
  const std::size_t peak = read_peak_resident_bytes();
  EXPECT_GE(peak, 64 * kMiB);
  EXPECT_GE(peak + kMiB, read_memory_use().resident_bytes);
}

TEST(ReadCopyFacts, CountsAnonymousMemoryThatWasTouched) {
  auto* const start = static_cast<char*>(map(64 * kMiB));
  auto* const shared = static_cast<char*>(map_shared(64 * kMiB));
  ASSERT_NE(start, nullptr);
  ASSERT_NE(shared, nullptr);
  const CopyFacts before = read_copy_facts();
  EXPECT_GT(before.anonymous_bytes, 0u);
  EXPECT_LE(before.anonymous_bytes, read_memory_use().resident_bytes + kMiB);
  std::memset(start, 1, 32 * kMiB);
  std::memset(shared, 1, 64 * kMiB);  // a copy has no page tables for that
  const std::size_t grown = read_copy_facts().anonymous_bytes - before.anonymous_bytes;
  EXPECT_GE(grown, 31 * kMiB);
  if (!testing::kSanitized) {
    EXPECT_LE(grown, 35 * kMiB);
  }
  unmap(start, 64 * kMiB);
  unmap(shared, 64 * kMiB);
}

TEST(ReadCopyFacts, FindsNothingPinnedHere) { EXPECT_EQ(read_copy_facts().pinned_bytes, 0u); }

TEST(ReadCopyFacts, CountsFiltersOfSystemCalls) {
  EXPECT_TRUE(testing::passes_in_child([] {
    const unsigned before = read_copy_facts().system_call_filters;
    if (!testing::refuse_system_call(SYS_sethostname, EPERM)) return;
    const unsigned one_more = read_copy_facts().system_call_filters;
    if (one_more == 0) return;  // kernels before 5.9 do not say
    EXPECT_EQ(one_more, before + 1);
    ASSERT_TRUE(testing::refuse_system_call(SYS_setdomainname, EPERM));
    EXPECT_EQ(read_copy_facts().system_call_filters, before + 2);
  }));
}

TEST(ForEachMapping, ListsMappingsInOrderAndWithoutOverlap) {
  const std::vector<SeenMapping> mappings = all_mappings();
  ASSERT_GT(mappings.size(), 5u);
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    ASSERT_LT(mappings[i].facts.start, mappings[i].facts.end);
    ASSERT_LE(mappings[i].facts.resident_bytes, mappings[i].facts.end - mappings[i].facts.start);
    ASSERT_LE(i == 0 ? 0 : mappings[i - 1].facts.end, mappings[i].facts.start);
  }
}

TEST(ForEachMapping, CountsResidentBytesOfAnonymousMemory) {
  // A guard page on each side keeps the kernel from joining it to a neighbour.
  auto* const reserved = static_cast<char*>(reserve(66 * kPageBytes, kPageBytes));
  ASSERT_NE(reserved, nullptr);
  char* const start = reserved + kPageBytes;
  ASSERT_TRUE(commit(start, 64 * kPageBytes));
  std::memset(start, 1, 5 * kPageBytes);
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const found = mapping_of(mappings, start);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->facts.start, reinterpret_cast<Address>(start));
  EXPECT_EQ(found->facts.end, reinterpret_cast<Address>(start) + 64 * kPageBytes);
  EXPECT_EQ(found->facts.resident_bytes, 5 * kPageBytes);
  EXPECT_TRUE(found->facts.writable);
  EXPECT_FALSE(found->facts.executable);
  EXPECT_EQ(found->path, "");
  unmap(reserved, 66 * kPageBytes);
}

TEST(ForEachMapping, KnowsCodeAndItsPath) {
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const code = mapping_of(mappings, reinterpret_cast<void*>(&read_memory_use));
  ASSERT_NE(code, nullptr);
  EXPECT_TRUE(code->facts.executable);
  EXPECT_FALSE(code->facts.writable);
  EXPECT_EQ(code->path.front(), '/');
}

TEST(ForEachMapping, NamesTheStack) {
  int on_stack = 0;
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const stack = mapping_of(mappings, &on_stack);
  ASSERT_NE(stack, nullptr);
  EXPECT_EQ(stack->path, "[stack]");
}

TEST(ForEachMapping, KeepsPathsWithSpacesWhole) {
  ScratchFile file("a b  c Rss: 5 kB");
  const void* const start = file.map();
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const found = mapping_of(mappings, start);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->path, file.path());
}

TEST(ForEachMapping, KeepsAnEscapedNewlineInAPath) {
  ScratchFile file("line\nbreak");
  const void* const start = file.map();
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const found = mapping_of(mappings, start);
  ASSERT_NE(found, nullptr);
  EXPECT_NE(found->path.find("line\\012break"), std::string::npos) << found->path;
}

// A mapped file whose path is longer than the reader's buffers, all the more once its newlines are
// escaped.
class DeepFile {
 public:
  DeepFile() {
    char root[] = "/tmp/hoop_proc_test_XXXXXX";
    path_ = ::mkdtemp(root);
    for (int level = 0; level < 13; ++level) {
      made_.push_back(path_);
      path_.append("/").append(250, '\n');
      if (level < 12 && ::mkdir(path_.c_str(), 0700) != 0) std::abort();
    }
    const int descriptor = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || ::ftruncate(descriptor, kPageBytes) != 0) std::abort();
    mapped_ = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
    ::close(descriptor);
    std::memset(mapped_, 1, kPageBytes);
  }
  ~DeepFile() {
    ::munmap(mapped_, kPageBytes);
    ::unlink(path_.c_str());
    for (; !made_.empty(); made_.pop_back()) ::rmdir(made_.back().c_str());
  }
  DeepFile(const DeepFile&) = delete;
  DeepFile& operator=(const DeepFile&) = delete;

  [[nodiscard]] const void* start() const { return mapped_; }
  [[nodiscard]] const std::string& root() const { return made_.front(); }

 private:
  std::string path_;
  std::vector<std::string> made_;
  void* mapped_ = nullptr;
};

TEST(ForEachMapping, CutsALongPathAndReadsOn) {
  const DeepFile file;
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const found = mapping_of(mappings, file.start());
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->path.rfind(file.root(), 0), 0u);
  EXPECT_LT(found->path.size(), 512u);
  EXPECT_EQ(found->facts.resident_bytes, kPageBytes);
  for (std::size_t i = 1; i < mappings.size(); ++i) {
    ASSERT_LE(mappings[i - 1].facts.end, mappings[i].facts.start);
  }
}

TEST(ForEachMapping, SeesHugePages) {
  auto* const start = static_cast<char*>(reserve(2 * kHugePageBytes, kHugePageBytes));
  ASSERT_NE(start, nullptr);
  ASSERT_TRUE(commit(start, 2 * kHugePageBytes));
  advise(start, 2 * kHugePageBytes, HugePages::kWanted);
  std::memset(start, 1, 2 * kHugePageBytes);
  const std::vector<SeenMapping> mappings = all_mappings();
  const SeenMapping* const found = mapping_of(mappings, start);
  unmap(start, 2 * kHugePageBytes);
  ASSERT_NE(found, nullptr);
  if (found->facts.huge_page_bytes == 0) GTEST_SKIP() << "the kernel gives no huge pages here";
  EXPECT_EQ(found->facts.huge_page_bytes % kHugePageBytes, 0u);
}

TEST(ForEachMapping, LeavesNoDescriptorOpen) {
  const int before = ::dup(0);
  ::close(before);
  all_mappings();
  read_memory_use();
  read_copy_facts();
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after);
}

TEST(ForEachMapping, SaysWhenProcCannotBeRead) {
  std::vector<int> taken;
  for (int descriptor = ::dup(0); descriptor >= 0; descriptor = ::dup(0))
    taken.push_back(descriptor);
  const bool read = for_each_mapping([](void*, const Mapping&) {}, nullptr);
  const MemoryUse use = read_memory_use();
  const std::size_t peak = read_peak_resident_bytes();
  const CopyFacts facts = read_copy_facts();
  for (const int descriptor : taken) ::close(descriptor);
  EXPECT_FALSE(read);
  EXPECT_EQ(use.virtual_bytes, 0u);
  EXPECT_EQ(peak, 0u);
  EXPECT_EQ(facts.anonymous_bytes, 0u);
}

}  // namespace
}  // namespace hoop::os
