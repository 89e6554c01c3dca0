/* Included before every file: library calls that have a safe twin do not compile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok gmtime localtime asctime ctime atoi atol atoll
