<?php
// SPDX-License-Identifier: BSD-3-Clause
// php-redis: what web applications do with it, and its session handler.
function check($got, $wanted) {
    if ($got !== $wanted) {
        fwrite(STDERR, 'got ' . var_export($got, true) . ' instead of ' . var_export($wanted, true) . "\n");
        exit(1);
    }
}

$redis = new Redis();
$redis->connect('127.0.0.1', (int) getenv('STRATA_PORT'));
check($redis->set('a', '1', ['nx', 'ex' => 100]), true);
check($redis->set('a', '2', ['nx']), false);
check($redis->ttl('a'), 100);
check($redis->multi()->incr('a')->get('a')->exec(), [2, '2']);
check($redis->pipeline()->hMSet('h', ['f' => 'v'])->hGetAll('h')->exec(), [true, ['f' => 'v']]);
check($redis->eval('return ARGV[1] + 1', ['41'], 0), 42);
check($redis->zAdd('z', 1, 'one', 2.5, 'two'), 2);
check($redis->zRange('z', 0, -1, true), ['one' => 1.0, 'two' => 2.5]);

$redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_PHP);
$redis->set('object', ['nested' => [1, 2, 3]]);
check($redis->get('object'), ['nested' => [1, 2, 3]]);
$redis->setOption(Redis::OPT_SERIALIZER, Redis::SERIALIZER_NONE);

$redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
for ($i = 0; $i < 1000; $i++) $redis->set("scan:$i", $i);
$seen = 0;
$cursor = null;
while ($keys = $redis->scan($cursor, 'scan:*', 100)) $seen += count($keys);
check($seen, 1000);

ini_set('session.save_handler', 'redis');
ini_set('session.save_path', 'tcp://127.0.0.1:' . getenv('STRATA_PORT'));
ini_set('redis.session.locking_enabled', '1');
session_id('strata');
session_start();
$_SESSION['user'] = 'ada';
session_write_close();
$_SESSION = [];
session_start();
check($_SESSION['user'], 'ada');
session_write_close();
echo "ok\n";
