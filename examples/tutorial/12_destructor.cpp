// SPDX-License-Identifier: Apache-2.0
// A destructor that keeps a reference to its object. It ends the process: this program has to.
#include <hoop/hoop.h>

#include <vector>

namespace {

class Undead : public hoop::Object {
 public:
  ~Undead() override { kept.push_back(hoop::ref(this)); }

  static inline std::vector<hoop::ref<Undead>> kept;
};

}  // namespace

int main() {
  hoop::Heap heap;
  heap.make<Undead>().reset();
}
