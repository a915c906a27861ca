# SPDX-License-Identifier: BSD-3-Clause
# Pushes jobs, waits until the Sidekiq process has run them, and looks at its statistics.
require_relative 'sidekiq_jobs'
require 'sidekiq/api'

def wait_for(what, seconds = 40)
  deadline = Time.now + seconds
  until yield
    abort "timed out: #{what}" if Time.now > deadline
    sleep 0.05
  end
end

value = ->(name) { Sidekiq.redis { |redis| redis.get(name).to_i } }

100.times { Add.perform_async('sum', 2) }
Sidekiq::Client.push_bulk('class' => Add, 'args' => Array.new(50) { ['sum', 1] })
wait_for('jobs') { value.call('sum') == 250 }

Add.perform_in(1, 'later', 7)
abort 'not scheduled' unless Sidekiq::ScheduledSet.new.size == 1
wait_for('a scheduled job') { value.call('later') == 7 }

FailsOnce.perform_async('tries')
wait_for('a retry') { value.call('tries') == 2 }

counted = -> { Sidekiq::Stats.new.then { |stats| [stats.processed, stats.failed] } }
wait_for('statistics') { counted.call.first >= 152 } # which the process tells now and then
abort "failures: #{counted.call.last}" unless counted.call.last == 1
abort 'no process' unless Sidekiq::ProcessSet.new.size == 1
puts 'ok'
