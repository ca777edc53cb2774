/*
 * A crowd beside the measured program: so many open sockets, or so many sleeping processes. Says "ready", then sleeps until
 * it is killed, with its process group. Not part of the product; `make bench-growth` uses it.
 *
 * usage: crowd sockets|processes COUNT
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fewer than the usual hard limit of open files. */
enum { SOCKETS_EACH = 10000 };

/* Those of the child of that number: an address has only so many ports, so each child has an address of its own. */
static int open_sockets(int number, int wanted)
{
    struct rlimit limit = {SOCKETS_EACH + 100, SOCKETS_EACH + 100};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        perror("setrlimit");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + number)};
    for (int i = number * SOCKETS_EACH; i < wanted && i < (number + 1) * SOCKETS_EACH; i++) {
        /* Bound, or the kernel does not count it as in use. */
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
            perror("socket");
            return -1;
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 64;
    int wanted = atoi(arguments[2]);
    int is_sockets = strcmp(arguments[1], "sockets") == 0;
    int children = is_sockets ? (wanted + SOCKETS_EACH - 1) / SOCKETS_EACH : wanted;
    int ready[2];
    if (pipe(ready) < 0)
        return 1;
    for (int number = 0; number < children; number++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child == 0) {
            char is_ready = is_sockets && open_sockets(number, wanted) < 0 ? 'n' : 'y';
            if (write(ready[1], &is_ready, 1) != 1)
                return 1;
            pause();
            return 0;
        }
    }
    char each;
    for (int i = 0; i < children; i++)
        if (read(ready[0], &each, 1) != 1 || each != 'y')
            return 1;
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
