# SPDX-License-Identifier: BSD-3-Clause
# The jobs that tests/clients/test_ruby.py has a Sidekiq process run.
require 'sidekiq'

Redis.silence_deprecations = true

url = "redis://127.0.0.1:#{ENV.fetch('STRATA_PORT')}/0"
Sidekiq.configure_server do |config|
  config.redis = { url: url }
  config.average_scheduled_poll_interval = 1
end
Sidekiq.configure_client { |config| config.redis = { url: url } }

class Add
  include Sidekiq::Worker

  def perform(name, number)
    Sidekiq.redis { |redis| redis.incrby(name, number) }
  end
end

class FailsOnce
  include Sidekiq::Worker
  sidekiq_options retry: 3
  sidekiq_retry_in { 1 }

  def perform(name)
    Sidekiq.redis do |redis|
      raise 'on purpose' if redis.incr(name) == 1
    end
  end
end
