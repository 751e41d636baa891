// SPDX-License-Identifier: Apache-2.0
#include "analysis/columns.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "analysis/array.h"

namespace hoop::analysis {

namespace {

template <class Row>
const Row* row_of(const Array<Row>& rows, ObjectId object) {
  const Row* const found =
      std::lower_bound(rows.begin(), rows.end(), object,
                       [](const Row& row, ObjectId wanted) { return row.object < wanted; });
  return found != rows.end() && found->object == object ? found : nullptr;
}

}  // namespace

std::string Columns::type_name(std::uint32_t row) const {
  const std::string_view module = string(types[row].module);
  const std::string_view name = string(types[row].name);
  if (module.empty() || module == "builtins") return std::string(name);
  return std::string(module) + "." + std::string(name);
}

std::uint64_t Columns::large_bytes_of(ObjectId object) const {
  const Amount* const row = row_of(large, object);
  return row != nullptr ? row->bytes : kLarge;
}

std::uint64_t Columns::buffer_bytes_of(ObjectId object) const {
  const Amount* const row = row_of(buffers, object);
  return row != nullptr ? row->bytes : 0;
}

const ContentRow* Columns::content_of(ObjectId object) const { return row_of(content, object); }

const Label* Columns::label_of(ObjectId object) const { return row_of(labels, object); }

ObjectId Columns::find(std::uint64_t shifted_address) const {
  if (by_address.empty()) {
    const std::uint64_t* const found =
        std::lower_bound(address.begin(), address.end(), shifted_address);
    if (found == address.end() || *found != shifted_address) return kNone;
    return static_cast<ObjectId>(found - address.begin());
  }
  const std::uint32_t* const found =
      std::lower_bound(by_address.begin(), by_address.end(), shifted_address,
                       [this](ObjectId id, std::uint64_t wanted) { return address[id] < wanted; });
  return found != by_address.end() && address[*found] == shifted_address ? *found : kNone;
}

}  // namespace hoop::analysis
