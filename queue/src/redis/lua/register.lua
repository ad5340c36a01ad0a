-- Each function of the API under a name that carries the version of this library, so that workers of two versions can
-- share a server. Only what adds work is refused by a server that is out of memory: the rest makes room.

local function register(name, flags)
  redis.register_function{ function_name = VERSION .. name, callback = API[name], flags = flags }
end

register('enqueue', {})
register('check_groups', { 'allow-oom' })
register('fire', {})
register('open_group', {})
register('seal_group', { 'allow-oom' })
register('settle', { 'allow-oom' })
register('renew', { 'allow-oom' })
register('turn', { 'allow-oom' })
register('promote', { 'allow-oom' })
register('check_in', { 'allow-oom' })
register('check_out', { 'allow-oom' })
register('workers', { 'allow-oom' })
register('rescue', { 'allow-oom' })
register('lead', { 'allow-oom' })
register('resign', { 'allow-oom' })
register('cancel', { 'allow-oom' })
register('replay', { 'allow-oom' })
register('pause', { 'allow-oom' })
register('prune', { 'allow-oom' })
register('show', { 'allow-oom' })
register('find', { 'allow-oom' })
register('queues', { 'allow-oom' })
register('groups', { 'allow-oom' })
register('bounds', { 'allow-oom' })
register('limit', { 'allow-oom' })
register('erase', { 'allow-oom' })
