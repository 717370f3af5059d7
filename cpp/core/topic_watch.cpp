#include "topic_watch.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "process_owned.h"
#include "topic_batches.h"

namespace honeyframe {
namespace {

constexpr std::chrono::milliseconds kTurn{200};
constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24 * 365);  // the clock must not overflow

class Watch final : public TopicWatch {
 public:
  Watch(std::shared_ptr<MessageQueue> queue, TopicLimits limits, std::uint64_t most_messages)
      : queue_(std::move(queue)), most_messages_(most_messages), table_(limits) {}
  ~Watch() override {
    if (in_forked_child()) return;
    stopping_ = true;
    queue_->discard();
    if (thread_->joinable()) thread_->join();
  }
  void start() { *thread_ = std::thread(&Watch::run, this); }

  bool wait_end(std::chrono::nanoseconds wait) override {
    std::unique_lock lock(mutex_);
    return changed_->wait_for(lock, std::min(wait, kLongestWait), [this] { return ended_; });
  }
  void close() override {
    {
      const std::lock_guard lock(mutex_);
      closed_here_ = true;
    }
    queue_->close();
  }
  [[nodiscard]] Status end_reason() const override {
    const std::lock_guard lock(mutex_);
    return closed_here_ ? Status() : queue_->close_reason();
  }
  [[nodiscard]] TopicTotals totals() const override {
    const Reading reading(*this);
    return table_.totals();
  }
  [[nodiscard]] std::vector<RecordBatchPtr> batches(std::int64_t now_ns) const override {
    const Reading reading(*this);
    return topic_batches(table_, now_ns);
  }
  [[nodiscard]] std::vector<TopicNode> tree(std::size_t most_topics, std::int64_t now_ns) const override {
    const Reading reading(*this);
    return topic_tree(table_, most_topics, now_ns);
  }
  [[nodiscard]] bool in_forked_child() const noexcept override { return changed_.in_forked_child(); }

 private:
  // Has the lock; the thread, which takes it again and again, lets a reader go first.
  class Reading {
   public:
    explicit Reading(const Watch& watch) : lock_(watch.mutex_, std::defer_lock) {
      ++watch.readers_;
      lock_.lock();
      --watch.readers_;
    }

   private:
    std::unique_lock<std::mutex> lock_;
  };

  void run() noexcept;
  void count(std::unique_ptr<MessageBlock> block);

  const std::shared_ptr<MessageQueue> queue_;
  const std::uint64_t most_messages_;
  ProcessOwned<std::thread> thread_;
  std::atomic<bool> stopping_{false};
  mutable std::atomic<int> readers_{0};
  mutable std::mutex mutex_;
  mutable ProcessOwned<std::condition_variable> changed_;
  // Guarded by mutex_:
  TopicTable table_;
  bool closed_here_ = false;
  bool ended_ = false;
};

void Watch::run() noexcept {
  while (!stopping_) {
    if (auto block = queue_->take(kTurn)) {
      count(std::move(block));
    } else if (queue_->drained()) {
      break;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_->notify_all();
}

void Watch::count(std::unique_ptr<MessageBlock> block) {
  while (readers_ > 0) std::this_thread::yield();
  std::size_t counted = block->size();
  bool enough = false;
  {
    const std::lock_guard lock(mutex_);
    if (most_messages_ > 0) {
      const std::uint64_t left = most_messages_ - std::min(most_messages_, table_.totals().messages);
      enough = left <= counted;
      counted = static_cast<std::size_t>(std::min<std::uint64_t>(left, counted));
    }
    table_.add(*block, 0, counted);
    if (enough) closed_here_ = true;
  }
  (void)queue_->settle_delivered(counted, 0);
  queue_->recycle(std::move(block));
  if (enough) queue_->discard();
}

}  // namespace

Result<std::shared_ptr<TopicWatch>> TopicWatch::create(std::shared_ptr<MessageQueue> queue, TopicLimits limits,
                                                       std::uint64_t most_messages) {
  if (Status status = limits.validate(); !status.ok()) return status;
  try {
    auto watch = std::make_shared<Watch>(std::move(queue), limits, most_messages);
    watch->start();
    return std::shared_ptr<TopicWatch>(std::move(watch));
  } catch (const std::bad_alloc&) {
    return Status(ErrorCode::internal, "there is no memory for a table of topics");
  } catch (const std::system_error& error) {
    return Status(ErrorCode::internal,
                  std::string("the thread that counts topics could not be started: ") + error.what());
  }
}

}  // namespace honeyframe
