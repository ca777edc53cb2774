/*
 * The floor: what it costs to watch a host with nothing around it.
 *
 * Reads what one check of vps-monitor reads, as often as it does, and works out the same numbers: descriptors kept
 * open, one pread(2) a file into one buffer, one statfs(2), one sleep to the end of each sampling window. No
 * configuration, no alerts, no messages, no errors: whatever fails ends it. Not part of the product; `make bench` runs
 * it beside the agent.
 *
 * Runs until it is killed. CPU_WINDOW is the shorter one, or both are INTERVAL.
 *
 * usage: loop [INTERVAL [CPU_WINDOW TRAFFIC_WINDOW]]    (seconds; default 1, the windows as long)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static char buffer[16384];

/* Kept from being computed away; a debugger can look at it. */
static volatile double shown[12];

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

/* A file that not every kernel has: -1. */
static int open_optional(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void read_file(int fd)
{
    ssize_t length = pread(fd, buffer, sizeof buffer - 1, 0);
    if (length < 0) {
        perror("pread");
        exit(1);
    }
    buffer[length] = 0;
}

/* The number after `name` in the buffer; 0 where there is none. */
static unsigned long long after(const char *name)
{
    const char *found = strstr(buffer, name);
    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

struct ticks {
    unsigned long long busy, all, steal;
};

static struct ticks read_cpu(int fd)
{
    struct ticks ticks = {0, 0, 0};
    read_file(fd);
    char *at = buffer + strlen("cpu");
    for (int column = 0; column < 8; column++) {
        unsigned long long count = strtoull(at, &at, 10);
        ticks.all += count;
        if (column != 3 && column != 4) /* idle, iowait */
            ticks.busy += count;
        if (column == 7)
            ticks.steal = count;
    }
    return ticks;
}

struct bytes {
    unsigned long long in, out;
};

static struct bytes read_traffic(int fd)
{
    struct bytes bytes = {0, 0};
    read_file(fd);
    for (char *line = strchr(buffer, '\n'); line; line = strchr(line + 1, '\n')) {
        char *at = strchr(line + 1, ':');
        if (!at || strncmp(at - 2, "lo", 2) == 0)
            continue;
        at++;
        bytes.in += strtoull(at, &at, 10);
        for (int column = 0; column < 7; column++)
            strtoull(at, &at, 10);
        bytes.out += strtoull(at, &at, 10);
        line = at;
    }
    return bytes;
}

/* Of two numbers in one file, or in two: the first, as a share of the last. */
static double share(int fd, int last_fd)
{
    read_file(fd);
    char *at = buffer;
    double first = strtoull(at, &at, 10), last = 0;
    if (last_fd >= 0) {
        read_file(last_fd);
        at = buffer;
    }
    while (*at && *at != '\n')
        last = strtoull(at, &at, 10);
    return last ? first / last : 0;
}

/* Whether the file system of / is: its superblock's options are the last field of its line. */
static int is_read_only(int fd)
{
    ssize_t length = pread(fd, buffer, 512, 0);
    buffer[length > 0 ? length : 0] = 0;
    char *root = strstr(buffer, " / / ");
    char *options = root ? strstr(root, " - ") : NULL;
    for (int field = 0; options && field < 3; field++)
        options = strchr(options + 1, ' ');
    return options && strncmp(options, " ro", 3) == 0;
}

/* /proc/vmstat where control groups are of version 1, or -1: on version 2 the kernel tells of kills by itself. */
static int kills = -1;

/* The agent looks for kills when it is awake this many seconds after the last look. */
#define LOOK_SECONDS 7

static void look_for_kills(void)
{
    static time_t looked;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    if (kills < 0 || now.tv_sec - looked < LOOK_SECONDS)
        return;
    looked = now.tv_sec;
    read_file(kills);
    shown[11] = after("\noom_kill ");
}

/* Sleeps until so many seconds after `since`. */
static void sleep_until(struct timespec since, int seconds)
{
    since.tv_sec += seconds;
    clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &since, NULL);
    look_for_kills();
}

int main(int count, char **arguments)
{
    int interval = count > 1 ? atoi(arguments[1]) : 1;
    int cpu_window = count > 2 ? atoi(arguments[2]) : interval;
    int traffic_window = count > 3 ? atoi(arguments[3]) : interval;
    int mounts = open_file("/proc/self/mountinfo");
    int memory = open_file("/proc/meminfo"), cpu = open_file("/proc/stat"), traffic = open_file("/proc/net/dev");
    int sockets = open_file("/proc/net/sockstat"), sockets6 = open_file("/proc/net/sockstat6");
    int pressure = open_optional("/proc/pressure/memory"), files = open_file("/proc/sys/fs/file-nr");
    int tracked = open_optional("/proc/sys/net/netfilter/nf_conntrack_count");
    int most_tracked = open_optional("/proc/sys/net/netfilter/nf_conntrack_max");
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0)
        kills = open_optional("/proc/vmstat");
    struct timespec begun;
    clock_gettime(CLOCK_BOOTTIME, &begun);
    for (;;) {
        struct ticks ticks = read_cpu(cpu);
        struct bytes bytes = read_traffic(traffic);
        sleep_until(begun, cpu_window);

        struct ticks ticks_now = read_cpu(cpu);
        if (ticks_now.all > ticks.all)
            shown[2] = (double)(ticks_now.busy - ticks.busy) / (ticks_now.all - ticks.all);
        if (cpu_window < traffic_window)
            sleep_until(begun, traffic_window);

        read_file(memory);
        shown[0] = 1.0 - (double)after("MemAvailable:") / after("MemTotal:");
        shown[1] = (double)(after("SwapTotal:") - after("SwapFree:"));
        struct statvfs root;
        statvfs("/", &root);
        is_read_only(mounts);
        shown[3] = (double)(root.f_blocks - root.f_bfree) / (root.f_blocks - root.f_bfree + root.f_bavail);
        struct bytes bytes_now = read_traffic(traffic);
        shown[4] = (bytes_now.in - bytes.in) * 8e-6 / traffic_window;
        shown[5] = (bytes_now.out - bytes.out) * 8e-6 / traffic_window;
        read_file(sockets);
        unsigned long long used = after("TCP: inuse ") + after(" tw ") + after("UDP: inuse ");
        read_file(sockets6);
        shown[6] = used + after("TCP6: inuse ") + after("UDP6: inuse ");
        shown[7] = ticks_now.steal;
        if (pressure >= 0) {
            read_file(pressure);
            char *full = strstr(buffer, "full ");
            char *minute = full ? strstr(full, "avg60=") : NULL;
            shown[8] = minute ? strtod(minute + strlen("avg60="), NULL) + after("total=") : 0;
        }
        shown[9] = share(files, -1);
        if (tracked >= 0)
            shown[10] = share(tracked, most_tracked);
        if (traffic_window < interval)
            sleep_until(begun, interval);
        begun.tv_sec += interval;
    }
}
