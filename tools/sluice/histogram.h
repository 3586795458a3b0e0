// SPDX-License-Identifier: Apache-2.0
//
// Histogram: how often which latency was seen, in the manner of HdrHistogram: buckets grow with the
// value, so a percentile is wrong by less than one part in 1024 whatever its size (HdrHistogram's
// three digits). Values are nanoseconds up to kValueMax (about 18 minutes; longer ones count as
// that). Allocates only when made. One thread; Merge joins those of many. Invariant: count() equals
// the sum of all buckets.
#ifndef SLUICE_TOOLS_HISTOGRAM_H_
#define SLUICE_TOOLS_HISTOGRAM_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::tool {

class Histogram {
 public:
  // Values below 2^kLinearBits have a bucket each; above, every doubling has 2^(kLinearBits-1)
  // buckets.
  static constexpr int kLinearBits = 11;
  static constexpr int kValueBits = 40;
  static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << kValueBits) - 1;

  Histogram() : buckets_(IndexOf(kValueMax) + 1) {}

  void Record(std::uint64_t value) {
    value = std::min(value, kValueMax);
    ++buckets_[IndexOf(value)];
    ++count_;
    sum_ += value;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  void Merge(const Histogram& other) {
    if (other.count_ == 0) return;
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  void Clear() {
    if (count_ == 0) return;
    std::fill(buckets_.begin(), buckets_.end(), 0);
    count_ = sum_ = max_ = 0;
    min_ = kValueMax;
  }

  std::uint64_t count() const { return count_; }
  // All zero when nothing was recorded.
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  double mean() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }

  // The smallest bucket's upper end that `percent` of all values do not exceed; never above max().
  // REQUIRES: 0 <= percent <= 100.
  std::uint64_t Percentile(double percent) const {
    // One rounding step down: 99.9 percent of 100000 comes out as a hair more than 99900.
    const double share =
        std::ceil(std::nextafter(percent / 100 * static_cast<double>(count_), 0.0));
    const std::uint64_t wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::clamp(UpperEnd(i), min(), max());
    }
    return max();
  }

  // Calls `visit(value, count)` for each bucket that holds anything, from small to large; `value`
  // is the bucket's upper end, but never above max().
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i] != 0) visit(std::min(UpperEnd(i), max_), buckets_[i]);
    }
  }

 private:
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << kLinearBits;

  static std::size_t IndexOf(std::uint64_t value) {
    if (value < kLinear) return static_cast<std::size_t>(value);
    // The top kLinearBits bits select the bucket: `shift` says which doubling, `top` which part of
    // it.
    const int shift = static_cast<int>(std::bit_width(value)) - kLinearBits;
    const std::uint64_t top = value >> shift;  // kLinear/2 .. kLinear-1
    return static_cast<std::size_t>(kLinear / 2 * static_cast<std::uint64_t>(shift) + top);
  }

  // The largest value that falls into bucket `index`.
  static std::uint64_t UpperEnd(std::size_t index) {
    if (index < kLinear) return index;
    const std::uint64_t shift = index / (kLinear / 2) - 1;
    const std::uint64_t top = index - kLinear / 2 * shift;
    return ((top + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = kValueMax;
  std::uint64_t max_ = 0;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_HISTOGRAM_H_
