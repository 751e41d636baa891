// SPDX-License-Identifier: Apache-2.0
// The snapshot file's numbers: docs/format/snapshot.md says what they mean. Shared by writer and
// reader.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hoop::snapshot {

inline constexpr char kMagic[] = "HOOPSNAP";
inline constexpr char kEndMagic[] = "HOOPEND1";
inline constexpr std::size_t kMagicBytes = 8;
inline constexpr std::uint32_t kVersion = 1;

// Addresses are written without the three bits that every object's alignment leaves zero.
inline constexpr unsigned kAddressShift = 3;

struct FileHeader {
  char magic[kMagicBytes];
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint32_t pid;
  std::uint32_t python_version;
  std::uint64_t taken;  // ns since 1970
  std::uint32_t flags;
  char reserved[28];
};
static_assert(sizeof(FileHeader) == 64);

inline constexpr std::uint32_t kWithValues = 1;
inline constexpr std::uint32_t kAnyInstant = 2;

enum class Section : std::uint32_t {
  kEnd = 0,
  kStrings = 1,
  kTypes = 2,
  kObjectAddress = 3,
  kObjectType = 4,
  kObjectSize = 5,
  kObjectCount = 6,
  kObjectFlags = 7,
  kObjectEdges = 8,
  kEdgeKind = 9,
  kEdgeName = 10,
  kEdgeTarget = 11,
  kText = 12,
  kCapacity = 13,
  kBuffers = 14,
  kLabels = 15,
  kRoots = 16,
  kMemory = 17,
  kMeta = 18,
  kContent = 19,
};
inline constexpr std::size_t kSectionCount = 20;

struct BlockHeader {
  std::uint32_t section;
  std::uint32_t flags;
  std::uint64_t stored_bytes;
  std::uint64_t raw_bytes;
};
static_assert(sizeof(BlockHeader) == 24);

inline constexpr std::uint32_t kCompressed = 1;

struct DirectoryEntry {
  std::uint32_t section;
  std::uint32_t flags;
  std::uint64_t offset;
  std::uint64_t stored_bytes;
  std::uint64_t raw_bytes;
};
static_assert(sizeof(DirectoryEntry) == 32);

struct Trailer {
  std::uint64_t end_offset;
  char magic[kMagicBytes];
};
static_assert(sizeof(Trailer) == 16);

enum class Layout : std::uint8_t {
  kOther = 0,
  kStr = 1,
  kBytes = 2,
  kInt = 3,
  kFloat = 4,
  kTuple = 5,
  kList = 6,
  kDict = 7,
  kSet = 8,
  kType = 9,
  kFunction = 10,
  kBuiltinFunction = 11,
  kMethod = 12,
  kCode = 13,
  kFrame = 14,
  kCell = 15,
  kModule = 16,
  kWeakReference = 17,
  kGenerator = 18,
  kByteArray = 19,
  kDeque = 20,
  kException = 21,
  kTraceback = 22,
  kPartial = 23,
  kLruCache = 24,
  kContext = 25,
  kProperty = 26,
  kMethodWrapper = 27,  // classmethod, staticmethod
  kInstance = 28,
  kMappingProxy = 29,
  kMemoryView = 30,
  kComplex = 31,
  kBool = 32,
  kNone = 33,
  kInterpreter = 40,
  kThread = 41,
  kRunningFrame = 42,
};

constexpr bool has_text_row(Layout layout) {
  return layout == Layout::kStr || layout == Layout::kBytes;
}
constexpr bool has_capacity_row(Layout layout) {
  return layout == Layout::kList || layout == Layout::kDict || layout == Layout::kSet ||
         layout == Layout::kByteArray || layout == Layout::kDeque;
}

// Rows of section TYPES.
inline constexpr std::uint32_t kMadeAtRunTime = 1;
inline constexpr std::uint32_t kCollectedType = 2;
inline constexpr std::uint32_t kPseudoType = 4;

// Section OBJECT_FLAGS.
inline constexpr std::uint8_t kTracked = 1;
inline constexpr std::uint8_t kFinalized = 8;
inline constexpr std::uint8_t kInterned = 16;
inline constexpr std::uint8_t kPseudo = 32;
inline constexpr std::uint8_t kGenerationKnown = 64;
inline constexpr unsigned kGenerationShift = 1;

enum class EdgeKind : std::uint8_t {
  kField = 0,
  kType = 1,
  kItem = 2,
  kKey = 3,
  kValue = 4,
  kSetMember = 5,
  kAttribute = 6,
  kDict = 7,
  kCell = 8,
  kLocal = 9,
  kStack = 10,
  kWeak = 11,
  kFrame = 12,
};
inline constexpr std::uint8_t kNotCounted = 64;
inline constexpr std::uint8_t kEdgeKindMask = 63;

// What EDGE_NAME has for an edge.
enum class EdgeName : std::uint8_t { kNone, kIndex, kString, kDepth };
constexpr EdgeName name_of(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kItem:
    case EdgeKind::kCell:
      return EdgeName::kIndex;
    case EdgeKind::kValue:
    case EdgeKind::kAttribute:
    case EdgeKind::kLocal:
      return EdgeName::kString;
    case EdgeKind::kFrame:
      return EdgeName::kDepth;
    default:
      return EdgeName::kNone;
  }
}

// The table of recent targets.
inline constexpr std::size_t kRecentTargets = 256;
constexpr std::size_t recent_slot(std::uint64_t shifted_address) {
  return shifted_address * 0x9E3779B97F4A7C15u >> 56;
}

constexpr std::uint64_t zigzag(std::int64_t number) {
  return static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t coded) {
  return static_cast<std::int64_t>(coded >> 1) ^ -static_cast<std::int64_t>(coded & 1);
}

}  // namespace hoop::snapshot
