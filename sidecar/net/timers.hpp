#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

/// A timer that is embedded in the object that waits; 24 bytes. Disarms itself when destroyed.
class timer_entry : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    bool armed() const { return is_linked(); }
    void disarm() { unlink(); }

protected:
    timer_entry() = default;
    timer_entry(const timer_entry&) = delete;
    timer_entry& operator=(const timer_entry&) = delete;
    virtual ~timer_entry() = default;

private:
    friend class timers;
    /// Called once for each arming; the entry is disarmed then. May arm it again or destroy it.
    virtual void on_timer() = 0;
};

/// The clock that drives the timers. The program uses the event loop's; tests may use one that they move.
class time_source {
public:
    using clock = core::timer_port::clock;
    virtual ~time_source() = default;
    virtual clock::time_point now() const = 0;
    virtual std::chrono::system_clock::time_point wall() const = 0;
    /// Calls `f` once, at `at` or as soon after it as possible. Replaces the previous request.
    virtual void wake_at(clock::time_point at, std::function<void()> f) = 0;
};

/// All timers of the event loop, driven by one Asio timer. Times are rounded up to a grid, so that the pings of ten thousand connections cost
/// four wake-ups a second. Must outlive the armed entries. Event loop only.
class timers final : public core::timer_port {
public:
    explicit timers(boost::asio::io_context& loop);
    /// Uses this time source, which must outlive this object.
    explicit timers(time_source& time);

    clock::time_point now() const override { return time_.now(); }
    std::chrono::system_clock::time_point wall() const override { return time_.wall(); }
    [[nodiscard]] handle after(std::chrono::milliseconds d, std::function<void()> f) override;

    /// (Re)arms an entry, at most 250 ms late.
    void arm(timer_entry& e, std::chrono::milliseconds d) { arm(e, d, coarse); }
    /// (Re)arms an entry, at most 10 ms late.
    void arm_fine(timer_entry& e, std::chrono::milliseconds d) { arm(e, d, 1); }

    /// Milliseconds since this object was made, modulo 2^32 (49 days). Compare two values by the sign of their difference.
    std::uint32_t milliseconds() const;

private:
    static constexpr std::chrono::milliseconds unit{10};
    static constexpr std::int64_t coarse = 25;  ///< units
    using list = boost::intrusive::list<timer_entry, boost::intrusive::constant_time_size<false>>;

    void arm(timer_entry& e, std::chrono::milliseconds d, std::int64_t grid);
    void schedule();
    void expire();

    std::unique_ptr<time_source> own_;  ///< null if the time source is not owned
    time_source& time_;
    clock::time_point start_;
    std::map<std::int64_t, list> due_;  ///< by units since start_; the grid keeps the number small
    std::int64_t waiting_for_ = -1;     ///< the requested wake-up, in units since start_; -1 if none
    bool expiring_ = false;
};

}  // namespace wsidecar::net
